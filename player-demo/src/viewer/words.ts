/** What went wrong, in words for readers. */

import { Failed } from "./client";
import { sentence } from "../page/format";
import type { Failure } from "./messages";

export interface Words {
  readonly title: string;
  readonly text: string;
}

const REFUSALS: Record<string, Words> = {
  no_share: { title: "There is nothing here", text: "This gateway knows no share under this link. It may have been copied in part." },
  share_revoked: { title: "This link was revoked", text: "Whoever shared it has ended it. Ask them for a new link if you still need it." },
  share_expired: { title: "This link has expired", text: "Its time is over. Ask whoever shared it for a new one." },
  wrong_link: { title: "This link is not whole", text: "The gateway knows this share, but the part behind the # is another. It may have been copied in part." },
  bad_token: { title: "The upload token is missing, or another one", text: "This gateway takes files from those who show its token. Whoever runs it gives it out; put it in below." },
  uploads_off: { title: "Files cannot be shared here", text: "This gateway takes no uploads. Name another one, or share with the program: headwater share FILE." },
  links_off: { title: "Files cannot be shared here", text: "This gateway keeps no links. Name another one." },
  ends_too_late: { title: "The link has to end sooner", text: "Without its token a gateway keeps a link for 31 days at most." },
  too_large: { title: "This is more than the gateway takes", text: "Share fewer or smaller files at a time." },
  too_many_requests: { title: "Too many requests", text: "The gateway has answered this address as often as it does. Try again later." },
  busy: { title: "The gateway is busy", text: "Try again in some minutes." },
  not_stored: { title: "This was not stored", text: "Too few of the network's nodes could take it. Try again later." },
  share_locked: { title: "This link is locked", text: "The passcode was wrong too often. Nobody can open this link any more; ask whoever shared it for a new one." },
};

/** `gateway` is where the answer came from. */
export function wordsFor(error: unknown, gateway: string): Words {
  if (!(error instanceof Failed)) return { title: "This did not work", text: error instanceof Error ? error.message : String(error) };
  const { failure } = error;
  switch (failure.reason) {
    case "not_believed":
      return { title: "Not what was shared", text: `${gateway} sent something else than what was shared: ${failure.message}. Nothing of it is shown.` };
    case "unreachable":
      return { title: "The gateway cannot be reached", text: `${gateway} does not answer, or broke off: ${failure.message}.` };
    case "refused":
      return REFUSALS[failure.code] ?? { title: "The gateway refuses", text: sentence(failure.message) };
    case "cancelled":
      return { title: "Stopped", text: "Nothing was kept." };
    case "failed":
      return { title: "This did not work", text: failure.message };
  }
}

/** What to say of a wrong passcode; undefined where it was something else. */
export function wrongPasscode(failure: Failure): string | undefined {
  if (failure.code !== "wrong_passcode") return undefined;
  return passcodeLeft(failure.remaining ?? 0);
}

/** That a passcode was wrong, and how many attempts are left. */
export function passcodeLeft(left: number): string {
  if (left === 0) return "That is not the passcode, and no attempt is left.";
  return `That is not the passcode. ${left === 1 ? "One attempt is" : `${left} attempts are`} left, for everyone who has this link.`;
}
