export { addLabCommand } from "./lab-command.ts";
