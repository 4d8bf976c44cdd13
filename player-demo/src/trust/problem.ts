/** What a gateway says when it refuses: a problem document (RFC 9457). */

/** Characters of a gateway's own words that are shown. */
const SHOWN_MAX = 300;

/** An answer that is not the one that was asked for. */
export class StatusError extends Error {
  private constructor(
    readonly status: number,
    /** In the gateway's own words; may be empty. */
    readonly reason: string,
    /** The stable code of the problem; may be empty. */
    readonly code: string,
  ) {
    super(`the gateway answered ${status}${reason && `: ${reason}`}`);
  }

  static async of(response: Response): Promise<StatusError> {
    const body = await response.text().catch(() => "");
    return new StatusError(response.status, reason(body), codeOf(body));
  }
}

/** The reason in the body of a problem; empty where it gives none. */
export function reason(body: string): string {
  try {
    const { detail, title } = Object(JSON.parse(body)) as { detail?: unknown; title?: unknown };
    const words = [detail, title].find((text) => typeof text === "string" && text !== "");
    return String(words ?? "").slice(0, SHOWN_MAX);
  } catch {
    return "";
  }
}

/** The code in the body of a problem; empty where it gives none. */
export function codeOf(body: string): string {
  try {
    const { code } = Object(JSON.parse(body)) as { code?: unknown };
    return typeof code === "string" ? code.slice(0, SHOWN_MAX) : "";
  } catch {
    return "";
  }
}
