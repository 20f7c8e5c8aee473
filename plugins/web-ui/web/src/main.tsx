// Where the pages begin.
import { render } from "preact";
import { App } from "./app";
import "./style/base.css";
import "./style/parts.css";

const root = document.getElementById("app");
if (root !== null) render(<App />, root);
