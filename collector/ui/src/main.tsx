//! Starts the page.

import { render } from "preact";

import { App } from "./app";
import { startKeyboard } from "./keyboard";
import { startNavigation } from "./navigation";
import { startTheme } from "./theme";
import "./style/tokens.css";
import "./style/base.css";
import "./style/parts.css";
import "./style/shell.css";
import "./style/message.css";
import "./style/list.css";
import "./style/table.css";
import "./style/trace.css";
import "./style/waterfall.css";
import "./style/row.css";
import "./style/row-narrow.css";
import "./style/detail.css";
import "./style/alert.css";

const root = document.getElementById("app");
if (root) {
  startTheme();
  startNavigation();
  startKeyboard();
  render(<App />, root);
}
