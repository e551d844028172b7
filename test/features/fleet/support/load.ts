import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credential } from '../../../../agent/features/fleet/bus/credential.ts';
import { CREDENTIAL_FILE } from '../../../../agent/features/fleet/bus/credential-file.ts';
import { cpuSeconds, pssMegabytes } from '../../../bench/measure/proc.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
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

/** What a period took. CPU is a share of one core in percent, memory PSS in MB, times are ms from box to page. */
export interface LoadFigures {
  readonly seconds: number;
  readonly reports: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly serverCpu: number;
  readonly busCpu: number;
  readonly serverMb: number;
  readonly busMb: number;
}

const BOXES_OF_PROCESS = 1_000;
const LISTED_MS = 180_000;
const BOXES_FILE = join(import.meta.dirname, 'load-boxes.ts');

/** A server that shows all cameras of many boxes, the bus, and the boxes. */
export class FleetLoad implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #children: readonly ChildProcess[];
  readonly fleet: Fleet;
  readonly agent: Agent;
  readonly page: PageEvents;

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
    const server = stack.use(temporaryFolder());
    writeFileSync(join(server.path, CREDENTIAL_FILE), JSON.stringify(await fleet.issue('server', 'cloud')));
    const shown = ids.flatMap((id, i) =>
      paths.map((path) => `  b${i + 1}/${path}: {source: 'perch://${id}/${path}', sourceOnDemand: yes}\n`),
    );
    const beganMs = performance.now();
    const config = `natsURL: ${fleet.nats.url}\npaths:\n${shown.join('')}`;
    const agent = stack.use(await startAgent({ config, dataDir: server.path, isOwned: true }));
    note(
      `the server has started with ${shown.length} paths after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`,
    );
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
    const page = stack.use(new PageEvents(agent));
    const load = new FleetLoad(stack.move(), children, fleet, agent, page);
    await until(async () => ((await load.state()).connected === boxes ? true : undefined));
    return load;
  }

  private constructor(
    stack: AsyncDisposableStack,
    children: readonly ChildProcess[],
    fleet: Fleet,
    agent: Agent,
    page: PageEvents,
  ) {
    this.#stack = stack;
    this.#children = children;
    this.fleet = fleet;
    this.agent = agent;
    this.page = page;
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
    const pids = [this.agent.process.pid, this.fleet.nats.pid];
    const [beganMs, before] = [performance.now(), pids.map(cpuSeconds)];
    this.page.delaysMs.length = 0;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const took = (performance.now() - beganMs) / 1000;
    const [serverCpu = 0, busCpu = 0] = pids.map((pid, i) => ((cpuSeconds(pid) - (before[i] ?? 0)) / took) * 100);
    const [serverMb = 0, busMb = 0] = pids.map(pssMegabytes);
    const delays = [...this.page.delaysMs].sort((a, b) => a - b);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
    const times = { p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
    return { seconds: took, reports: delays.length, ...times, serverCpu, busCpu, serverMb, busMb };
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
  readonly #stop = new AbortController();
  readonly #ids = new Set<string>();
  /** Of each report, from the box's clock, which is the clock here. */
  readonly delaysMs: number[] = [];
  /** How often the stream ended: a page that cannot follow is disconnected. */
  ends = 0;

  constructor(agent: Agent) {
    void this.#follow(agent);
  }

  /** Events whose id begins so. */
  count(name: string): number {
    return [...this.#ids].filter((id) => id.startsWith(`${name}-`)).length;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #follow(agent: Agent): Promise<void> {
    const { signal } = this.#stop;
    let last = '';
    while (!signal.aborted) {
      try {
        const headers = { ...agent.headers, ...(last !== '' && { 'Last-Event-ID': last }) };
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
      const page: EventPage = await agent.json(`/v3/events/list?${query}`);
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
