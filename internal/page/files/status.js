// Has the page look again every few seconds, as long as somebody sees it. The
// server draws; here its drawing is put in the place of the old one.
"use strict";

const every = 3000;

async function look() {
  const answer = await fetch("/", { cache: "no-store" });
  if (answer.status === 401) { // the token has changed, or the login is over
    location.reload();
    return;
  }
  if (!answer.ok) throw new Error(answer.statusText);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(next.querySelector("main")));
  document.title = next.title;
}

async function refresh() {
  if (!document.hidden) {
    const lost = document.getElementById("lost");
    try {
      await look();
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
  }
  setTimeout(refresh, every);
}

setTimeout(refresh, every);
