import { render } from "preact";
import { Page } from "./page.tsx";
import { follow, keepQuery } from "./state.ts";

const app = document.getElementById("app");
if (app !== null) {
  keepQuery();
  follow();
  render(<Page />, app);
}
