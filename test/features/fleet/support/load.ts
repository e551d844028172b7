import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credential } from '../../../../agent/features/fleet/bus/credential.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { cpuSeconds, pssMegabytes } from '../../../bench/measure/proc.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { startPostgresql } from '../../../peers/programs/postgresql.ts';
import { memoryFolder } from '../../../support/base/memory-folder.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { signNatively } from './native-signatures.ts';

/** The boxes of a process of `load-boxes.ts`. */
export interface LoadBoxes {
  readonly url: string;
  readonly folder: string;
  /** By id of the box. */
  readonly credentials: readonly (readonly [string, Credential])[];
  /** Paths of each box. */
  readonly cameras: readonly string[];
}

export type LoadOrder =
  | { readonly do: 'open'; readonly boxes: LoadBoxes }
  /** Events of one box after the other, so many a second in all. */
  | { readonly do: 'turns'; readonly perSecond: number }
  /** One event of each box now. */
  | { readonly do: 'all'; readonly name: string }
  | { readonly do: 'tell' };

export interface LoadState {
  readonly connected: number;
  /** Reports that the bus has not stored yet. */
  readonly queued: number;
  /** Events so far. */
  readonly made: number;
}

/** What a program took: a share of one core in percent, and PSS in MB. */
export interface Usage {
  readonly program: string;
  readonly cpu: number;
  readonly mb: number;
}

/** What a period took. Times are ms from box to page, of the pages of all servers. */
export interface LoadFigures {
  readonly seconds: number;
  readonly reports: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly usage: readonly Usage[];
}

const SERVERS = ['one', 'two'];
const BOXES_OF_PROCESS = 1_000;
const LISTED_MS = 180_000;
const BOXES_FILE = join(import.meta.dirname, 'load-boxes.ts');

/** Servers of one database that show all cameras of many boxes, the bus, and the boxes. */
export class FleetLoad implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #children: readonly ChildProcess[];
  readonly #programs: ReadonlyMap<string, () => number>;
  readonly fleet: Fleet;
  /** One for each server. */
  readonly pages: readonly PageEvents[];

  static async open(boxes: number, cameras: number, note: (text: string) => void): Promise<FleetLoad> {
    signNatively();
    await using stack = new AsyncDisposableStack();
    const fleet = stack.use(await startFleet());
    // One disk is not to have the writes of all boxes.
    const folder = memoryFolder() ?? stack.use(temporaryFolder()).path;
    const ids = Array.from({ length: boxes }, (_, i) => (i + 1).toString(16).padStart(16, '0'));
    const paths = Array.from({ length: cameras }, (_, i) => `cam${i + 1}`);
    const credentials: [string, Credential][] = [];
    for (const id of ids) {
      credentials.push([id, await fleet.issue('box', id)]);
    }
    note(`${boxes} credentials are issued`);
    const shown = ids.flatMap((id, i) =>
      paths.map((path) => `  b${i + 1}/${path}: {source: 'perch://${id}/${path}', sourceOnDemand: yes}\n`),
    );
    const config = `perch: own\nnatsURL: ${fleet.nats.url}\npaths:\n${shown.join('')}`;
    const postgresql = stack.use(await startPostgresql());
    const env = { PERCH_DATABASEURL: (await postgresql.database()).url };
    const agents: Agent[] = [];
    for (const name of SERVERS) {
      const { path: dataDir } = stack.use(temporaryFolder());
      writeFileSync(join(dataDir, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', name)));
      const beganMs = performance.now();
      agents.push(stack.use(await startAgent({ config, dataDir, env, isOwned: agents.length === 0 })));
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
      note(`server ${name} has started with ${shown.length} paths after ${seconds} s`);
    }
    const children = [];
    for (let at = 0; at < credentials.length; at += BOXES_OF_PROCESS) {
      const child = fork(BOXES_FILE, { execArgv: ['--disable-warning=ExperimentalWarning'] });
      stack.defer(async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      });
      const some = credentials.slice(at, at + BOXES_OF_PROCESS);
      tell(child, {
        do: 'open',
        boxes: { url: fleet.nats.url, folder, credentials: some, cameras: paths },
      });
      children.push(child);
    }
    const headers = agents[0]?.headers ?? {};
    const pages = agents.map((agent) => stack.use(new PageEvents(agent, headers)));
    const programs = new Map([
      ...agents.map(({ process: { pid } }, i) => [`server ${SERVERS[i]}`, () => pid] as const),
      ['nats-server', () => fleet.nats.pid],
      ['PostgreSQL', postgresql.pid],
    ]);
    const load = new FleetLoad(stack.move(), children, programs, fleet, pages);
    await until(async () => ((await load.state()).connected === boxes ? true : undefined));
    return load;
  }

  private constructor(
    stack: AsyncDisposableStack,
    children: readonly ChildProcess[],
    programs: ReadonlyMap<string, () => number>,
    fleet: Fleet,
    pages: readonly PageEvents[],
  ) {
    this.#stack = stack;
    this.#children = children;
    this.#programs = programs;
    this.fleet = fleet;
    this.pages = pages;
  }

  async state(): Promise<LoadState> {
    const states = await Promise.all(
      this.#children.map(async (child) => {
        const answer = once(child, 'message');
        tell(child, { do: 'tell' });
        return (await answer)[0] as LoadState;
      }),
    );
    const sum = (of: (state: LoadState) => number) => states.reduce((all, state) => all + of(state), 0);
    return { connected: sum((it) => it.connected), queued: sum((it) => it.queued), made: sum((it) => it.made) };
  }

  /** @param perSecond events of all boxes together; each is reported when it begins and when it ends */
  moveInTurn(perSecond: number): void {
    for (const child of this.#children) {
      tell(child, { do: 'turns', perSecond: perSecond / this.#children.length });
    }
  }

  /** Each box has an event now, whose id begins with this. */
  moveAll(name: string): void {
    for (const child of this.#children) {
      tell(child, { do: 'all', name });
    }
  }

  /** What the next seconds take. */
  async measure(seconds: number): Promise<LoadFigures> {
    const programs = [...this.#programs].map(([program, pidOf]) => {
      const pid = pidOf();
      return { program, pid, before: cpuSeconds(pid) };
    });
    const beganMs = performance.now();
    for (const { delaysMs } of this.pages) {
      delaysMs.length = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const took = (performance.now() - beganMs) / 1000;
    const usage = programs.map(({ program, pid, before }) => ({
      program,
      cpu: ((cpuSeconds(pid) - before) / took) * 100,
      mb: pssMegabytes(pid),
    }));
    const delays = this.pages.flatMap(({ delaysMs }) => delaysMs).sort((a, b) => a - b);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
    return { seconds: took, reports: delays.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1), usage };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

const tell = (child: ChildProcess, order: LoadOrder): void => void child.send(order);

interface PageEvent {
  readonly id: string;
  readonly start: string;
  readonly end: string | null;
}

interface EventPage {
  readonly items: readonly { readonly id: string }[];
  readonly next: string | null;
}

/** The stream of events that the owner's page gets. */
class PageEvents implements Disposable {
  readonly #owner: Agent['headers'];
  readonly #stop = new AbortController();
  readonly #ids = new Set<string>();
  /** Of each report, from the box's clock, which is the clock here. */
  readonly delaysMs: number[] = [];
  /** How often the stream ended: a page that cannot follow is disconnected. */
  ends = 0;

  constructor(agent: Agent, owner: Agent['headers']) {
    this.#owner = owner;
    void this.#follow(agent);
  }

  /** Events whose id begins so. */
  count(name = ''): number {
    return [...this.#ids].filter((id) => id.startsWith(name)).length;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #follow(agent: Agent): Promise<void> {
    const { signal } = this.#stop;
    let last = '';
    while (!signal.aborted) {
      try {
        const headers = { ...this.#owner, ...(last !== '' && { 'Last-Event-ID': last }) };
        const { body } = await fetch(`${agent.url}/v3/events?types=event`, { headers, signal });
        const decoder = new TextDecoder();
        let text = '';
        for await (const chunk of body as ReadableStream<Uint8Array>) {
          const blocks = (text + decoder.decode(chunk, { stream: true })).split('\n\n');
          text = blocks.pop() ?? '';
          for (const block of blocks) {
            last = /^id: (.*)$/m.exec(block)?.[1] ?? last;
            if (block.includes('event: gap\n')) {
              await this.#list(agent);
            }
            const data = /^event: event\ndata: (.*)$/m.exec(block)?.[1];
            if (data !== undefined) {
              this.#take(JSON.parse(data));
            }
          }
        }
      } catch {
        // Its page connects anew, as a browser does.
      }
      this.ends += 1;
    }
  }

  /** What a page does after events that it has missed: it asks for the list of the last minutes. */
  async #list(agent: Agent): Promise<void> {
    const from = new Date(Date.now() - LISTED_MS).toISOString();
    let before: string | null = null;
    do {
      const query = new URLSearchParams({ from, limit: '200', ...(before === null ? {} : { before }) });
      const answer = await fetch(`${agent.url}/v3/events/list?${query}`, { headers: this.#owner });
      const page = (await answer.json()) as EventPage;
      for (const { id } of page.items) {
        this.#ids.add(id);
      }
      before = page.next;
    } while (before !== null);
  }

  #take({ id, start, end }: PageEvent): void {
    this.#ids.add(id);
    this.delaysMs.push(Date.now() - Date.parse(end ?? start));
  }
}
