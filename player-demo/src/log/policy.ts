/** Policies: whose signatures make a checkpoint count (C2SP tlog-policy). */

import { hex } from "../page/format";
import { type Checkpoint, parseCheckpoint } from "./checkpoint";
import { type KeyKind, NoteError, parseKey, signedBy, type SignedNote, type VerifierKey } from "./note";

const POLICY_LEN_MAX = 65_536;
const ITEMS_MAX = 64;
const NOBODY = "none";

/** Whether the witnesses with these numbers are enough. */
type Rule = (cosigned: ReadonlySet<number>) => boolean;

/** Logs that are accepted, and which witnesses must have seen their checkpoints. */
export interface Policy {
  readonly logs: readonly VerifierKey[];
  readonly witnesses: readonly VerifierKey[];
  readonly quorum: Rule;
}

/** A witness of the policy that has seen a checkpoint. */
export interface Witness {
  readonly name: string;
  /** Seconds since 1970, as it says. */
  readonly seen: number;
}

/** A checkpoint that its log has signed and enough witnesses have seen. */
export interface Accepted {
  readonly checkpoint: Checkpoint;
  readonly log: VerifierKey;
  /** Those whose keys are not the log's. Without any it is unwitnessed, and somebody else may have been shown another log. */
  readonly witnesses: readonly Witness[];
}

/** The checkpoint in this note, when it counts. */
export function accept(policy: Policy, note: SignedNote): Accepted {
  const checkpoint = parseCheckpoint(note.text);
  const log = policy.logs.filter(({ name }) => name === checkpoint.origin).find((key) => signedBy(note, key) !== undefined);
  if (!log) throw new NoteError("no log that is known has signed the checkpoint");
  const cosigned = new Map<number, number>();
  for (const [at, key] of policy.witnesses.entries()) {
    const seen = signedBy(note, key);
    if (seen !== undefined) cosigned.set(at, seen);
  }
  if (!policy.quorum(new Set(cosigned.keys())))
    throw new NoteError(`${cosigned.size} of the known witnesses have cosigned, which is no quorum`);
  const witnesses = [...cosigned]
    .map(([at, seen]) => ({ key: policy.witnesses[at] as VerifierKey, seen }))
    .filter(({ key }) => hex(key.key) !== hex(log.key))
    .map(({ key, seen }) => ({ name: key.name, seen }));
  return { checkpoint, log, witnesses };
}

/** The policy that `text` writes. */
export function parsePolicy(text: string): Policy {
  if (text.length > POLICY_LEN_MAX) throw new NoteError(`a policy has at most ${POLICY_LEN_MAX} bytes`);
  const draft = new Draft();
  for (const [at, line] of text.split("\n").entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== "");
    if (words.length > 0 && !words[0]?.startsWith("#") && !draft.take(words))
      throw new NoteError(`line ${at + 1} of the policy is none that is known, or names something twice`);
  }
  if (!draft.quorum) throw new NoteError("the policy has no quorum");
  return { logs: draft.logs, witnesses: draft.witnesses, quorum: draft.quorum };
}

/** A policy that is being read. */
class Draft {
  readonly logs: VerifierKey[] = [];
  readonly witnesses: VerifierKey[] = [];
  quorum: Rule | undefined;
  private readonly names = new Set<string>();
  /** Witnesses and groups that are in no group yet. */
  private readonly free = new Map<string, Rule>();

  /** Whether the line is one that may stand here. */
  take([word, ...rest]: string[]): boolean {
    if (word === "log") return rest.length <= 2 && add(this.logs, rest[0], "plain");
    if (word === "witness") return this.takeWitness(rest);
    if (word === "group") return this.takeGroup(rest);
    return word === "quorum" && this.takeQuorum(rest);
  }

  private takeWitness([name, key, ...url]: string[]): boolean {
    const at = this.witnesses.length;
    return url.length <= 1 && add(this.witnesses, key, "cosignature") && this.define(name, (cosigned) => cosigned.has(at));
  }

  private takeGroup([name, least = "", ...members]: string[]): boolean {
    const needed = least === "any" ? 1 : least === "all" ? members.length : /^\d+$/.test(least) ? Number(least) : 0;
    const rules: Rule[] = [];
    for (const member of members) {
      const rule = this.free.get(member);
      if (!rule) return false;
      this.free.delete(member);
      rules.push(rule);
    }
    if (needed < 1 || needed > members.length) return false;
    return this.define(name, (cosigned) => rules.filter((rule) => rule(cosigned)).length >= needed);
  }

  private takeQuorum([name = "", ...more]: string[]): boolean {
    const rule = name === NOBODY ? () => true : this.free.get(name);
    if (!rule || this.quorum || more.length > 0) return false;
    this.quorum = rule;
    return true;
  }

  private define(name: string | undefined, rule: Rule): boolean {
    if (!name || name === NOBODY || this.names.has(name) || this.names.size >= 2 * ITEMS_MAX) return false;
    this.names.add(name);
    this.free.set(name, rule);
    return true;
  }
}

/** Each key once, whatever its name. */
function add(keys: VerifierKey[], text: string | undefined, kind: KeyKind): boolean {
  const key = parseKey(text ?? "");
  if (key?.kind !== kind || keys.length >= ITEMS_MAX || keys.some((other) => hex(other.key) === hex(key.key))) return false;
  keys.push(key);
  return true;
}
