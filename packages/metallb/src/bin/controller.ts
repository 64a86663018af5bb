import { runController } from "#controller";

process.exitCode = await runController(process.argv.slice(2), process.env);
// Sockets that linger, such as an idle keep-alive connection, must not hold the process.
process.exit();
