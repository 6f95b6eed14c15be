import { TriportConsole } from "@triport/sdk";

const console = new TriportConsole(); // uses the browser session + CSRF cookies

const { attributed, reason } = await console.auth.attribute();
if (attributed) {
  console.log("referral attributed");
}
