import { render } from "preact";
import { Page } from "./page.tsx";
import { follow, keepAddress } from "./state.ts";

const app = document.getElementById("app");
if (app !== null) {
  keepAddress();
  follow();
  render(<Page />, app);
}
