import { runSpeaker } from "#speaker";

process.exitCode = await runSpeaker(process.argv.slice(2), process.env);
// Sockets that linger, such as an idle keep-alive connection, must not hold the process.
process.exit();
