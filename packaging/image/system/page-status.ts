import { explain } from '../../../agent/base/errors.ts';
import type { System } from '../../../system/update/second-system.ts';
import { debian } from '../../../system/updater/debian.ts';
import { Journals, NO_ID, type Status } from '../../../system/updater/journal.ts';
import { type Outcome, statusOf } from './outcome.ts';

/** The updater's folders: its own, and the one where the agent reads its answers. */
const FOLDERS = { own: '/var/lib/perch-update', answers: '/run/perch-host' };

const CUT = 'the system was not written to its end: try again';

/** Answers for the page, as the updater of packages writes them. */
export class PageStatus {
  /** Installed version of Perch. */
  readonly from: string;
  readonly #journals: Journals;
  readonly #id: string | undefined;
  readonly #nowMs: () => number;
  #to = '';
  #percent = -1;
  #hasBegun = false;

  /** @param id of the page's request, or undefined if the page only gets the outcome of a system that was written */
  constructor(from: string, id: string | undefined, folders = FOLDERS, nowMs = Date.now) {
    this.from = from;
    this.#id = id;
    this.#journals = new Journals(folders.own, folders.answers);
    this.#nowMs = nowMs;
  }

  static async open(id?: string): Promise<PageStatus> {
    return new PageStatus((await debian.versionOf('perch')) ?? '', id);
  }

  /** Whether the last answer says that a trial has not ended. */
  get isWaiting(): boolean {
    return this.#journals.kept()?.state === 'waiting';
  }

  /** Called before the first write. Stores `powerCut` as the answer, because a power cut now leaves an incomplete system. */
  begin(to: string): void {
    this.#to = to;
    this.#hasBegun = true;
    this.#keep({ ok: false, state: 'failed', why: 'powerCut', text: CUT, from: this.from, to });
    this.progress(0);
  }

  /** @param share of the work, 0 to 1 */
  progress(share: number): void {
    const percent = Math.floor(100 * share);
    if (this.#id !== undefined && percent > this.#percent) {
      this.#percent = percent;
      const [from, to] = [this.from, this.#to];
      this.#say({ ok: true, state: 'installing', text: `system ${to} is being written`, from, to, percent });
    }
  }

  /** Reports that the update was not written. */
  refused(status: Omit<Status, 'id' | 'time'>): void {
    if (this.#id !== undefined) {
      this.#say(status);
    }
    // Leaves the stored answer while a trial has no result yet, and after a refusal that was printed in a shell.
    if (this.#hasBegun || (this.#id !== undefined && !this.isWaiting)) {
      this.#keep(status);
    }
  }

  outcome(outcome: Outcome, running: System): void {
    const before = this.#journals.kept();
    const status = statusOf(outcome, running, before?.state === 'waiting' && before.from ? before.from : this.from);
    this.#keep(status);
    if (this.#id !== undefined || outcome.system === running || outcome.state !== 'tried') {
      this.#say(status);
    }
  }

  #keep(status: Omit<Status, 'id' | 'time'>): void {
    this.#attempt(() => this.#journals.keep(this.#whole(status)));
  }

  #say(status: Omit<Status, 'id' | 'time'>): void {
    this.#attempt(() => this.#journals.say(this.#whole(status)));
  }

  #whole(status: Omit<Status, 'id' | 'time'>): Status {
    return { id: this.#id ?? NO_ID, ...status, time: new Date(this.#nowMs()).toISOString() };
  }

  /** Logs a failure, as on a full disk, instead of stopping the update. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      process.stderr.write(`${explain(error)}\n`);
    }
  }
}
