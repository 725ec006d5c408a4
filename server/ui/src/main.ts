import { askEarly } from "./early";
import { preloadPage } from "./places";
import "./styles/index.css";

// Nothing waits for anything else: who we are, the frame, and the page that was asked for.
askEarly(window.location.pathname);
void import("./root");
void preloadPage(window.location.pathname);
