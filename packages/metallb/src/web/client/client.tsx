import { render } from "preact";
import { Page } from "./page.tsx";
import { follow } from "./state.ts";

const app = document.getElementById("app");
if (app !== null) {
  follow();
  render(<Page />, app);
}
