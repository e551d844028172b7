import type { GlobalSettings } from '../config/schema/global.ts';
import type { PathSettings } from '../config/schema/path.ts';
import type { ConnectionHooks } from '../protocols/contract.ts';
import type { PeerKind } from '../stream/stream.ts';
import type { Command, Programs, Running } from './programs.ts';

export interface PathFacts {
  readonly name: string;
  /** Values of the groups of the path's regular expression, or undefined if it is not a pattern. */
  readonly groups: readonly string[] | undefined;
  /** Resolves when all commands of an earlier path of this name have ended. */
  readonly former?: Promise<void> | undefined;
  rtspPort(): number;
}

interface SourceFacts {
  readonly type: string;
  readonly id: string;
  /** Query of the publisher's URL. */
  readonly query: string;
}

interface ReaderFacts {
  readonly type: string;
  readonly id: string;
}

/** Ends the command; resolves when all its processes have ended. */
type End = () => Promise<void>;

type Lasting = 'runOnInit' | 'runOnDemand' | 'runOnAvailable' | 'runOnOnline' | 'runOnRead';
type Partner = 'runOnUnDemand' | 'runOnUnavailable' | 'runOnOffline' | 'runOnUnread';
type Once = Partner | 'runOnRecordSegmentCreate' | 'runOnRecordSegmentComplete';
const OF_READERS: ReadonlySet<Lasting | Once> = new Set<Lasting | Once>(['runOnRead', 'runOnUnread']);
type Variables = Readonly<Record<string, string>>;

/** Form-encodes clients' queries (Go's `QueryEscape`): harmless in any context, including the script of an `sh -c`. */
export const encodeQuery = (query: string): string =>
  encodeURIComponent(query.toWellFormed())
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

/** Starts the commands of a path, with MediaMTX's variables. */
export class PathCommands {
  #settings: PathSettings;
  #groups: PathFacts['groups'];
  readonly #facts: PathFacts;
  readonly #programs: Programs;
  /** Commands that are ending. A command must not run twice at the same time. */
  readonly #ending = new Map<Lasting, Promise<void>>();

  constructor(settings: PathSettings, facts: PathFacts, programs: Programs) {
    this.#settings = settings;
    this.#groups = facts.groups;
    this.#facts = facts;
    this.#programs = programs;
  }

  /** Sets the settings for commands that start later, including those that run when something ends. */
  follow(settings: PathSettings, groups: readonly string[] | undefined): void {
    this.#settings = settings;
    this.#groups = groups;
  }

  created(): End {
    return this.#begin('runOnInit', this.#settings.runOnInitRestart, undefined, {});
  }

  /** @param query of the reader's URL */
  demanded(query: string): End {
    const variables = { MTX_QUERY: encodeQuery(query) };
    return this.#begin('runOnDemand', this.#settings.runOnDemandRestart, 'runOnUnDemand', variables);
  }

  available(source: SourceFacts): End {
    const { runOnAvailableRestart } = this.#settings;
    return this.#begin('runOnAvailable', runOnAvailableRestart, 'runOnUnavailable', ofSource(source));
  }

  online(source: SourceFacts): End {
    return this.#begin('runOnOnline', this.#settings.runOnOnlineRestart, 'runOnOffline', ofSource(source));
  }

  read({ type, id }: ReaderFacts, query: string): End {
    const variables = { MTX_QUERY: encodeQuery(query), MTX_READER_TYPE: type, MTX_READER_ID: id };
    return this.#begin('runOnRead', this.#settings.runOnReadRestart, 'runOnUnread', variables);
  }

  segmentCreated(file: string): void {
    this.#once('runOnRecordSegmentCreate', { MTX_SEGMENT_PATH: file });
  }

  segmentCompleted(file: string, durationMs: number): void {
    const variables = { MTX_SEGMENT_PATH: file, MTX_SEGMENT_DURATION: String(durationMs / 1_000) };
    this.#once('runOnRecordSegmentComplete', variables);
  }

  #begin(hook: Lasting, isRestarted: boolean, partner: Partner | undefined, variables: Variables): End {
    const text = this.#settings[hook];
    const running = text === '' ? undefined : this.#keep(hook, text, isRestarted, variables);
    return () => {
      const ended = running?.stop() ?? Promise.resolve();
      if (partner) {
        this.#once(partner, variables);
      }
      return ended;
    };
  }

  #keep(hook: Lasting, text: string, isRestarted: boolean, variables: Variables): Running {
    const command = this.#commandOf(hook, text, variables);
    const before = OF_READERS.has(hook) ? undefined : (this.#ending.get(hook) ?? this.#facts.former);
    const running = before
      ? startAfter(before, () => this.#programs.keep(command, isRestarted))
      : this.#programs.keep(command, isRestarted);
    return {
      get group() {
        return running.group;
      },
      stop: () => {
        const ended = running.stop();
        this.#ending.set(hook, ended);
        return ended;
      },
    };
  }

  #once(hook: Once, variables: Variables): void {
    const text = this.#settings[hook];
    if (text !== '') {
      void this.#programs.once(this.#commandOf(hook, text, variables));
    }
  }

  #commandOf(hook: Lasting | Once, text: string, more: Variables): Command {
    const { name, rtspPort } = this.#facts;
    const groups = this.#groups;
    const ofGroups = Object.fromEntries((groups ?? []).map((value, i) => [`G${i + 1}`, value]));
    const ofPath = { MTX_PATH: name, RTSP_PATH: name, RTSP_PORT: String(rtspPort()) };
    return {
      hook,
      text,
      path: name,
      variables: { ...ofGroups, ...ofPath, ...more },
      // A client has named the path of a pattern.
      isCaused: groups !== undefined || OF_READERS.has(hook),
    };
  }
}

const ofSource = ({ type, id, query }: SourceFacts): Variables => ({
  MTX_QUERY: encodeQuery(query),
  MTX_SOURCE_TYPE: type,
  MTX_SOURCE_ID: id,
});

/** Starts after the former command has ended, which may hold a camera or publish the path. */
function startAfter(before: Promise<void>, start: () => Running): Running {
  let running: Running | undefined;
  let isStopped = false;
  const started = before.then(() => {
    running = isStopped ? undefined : start();
  });
  return {
    get group() {
      return running?.group;
    },
    stop: async () => {
      isStopped = true;
      await started;
      await running?.stop();
    },
  };
}

type ConnectionSettings = Pick<GlobalSettings, 'runOnConnect' | 'runOnConnectRestart' | 'runOnDisconnect'>;

/** The commands that run as clients connect and disconnect. */
export class ConnectionCommands implements ConnectionHooks {
  readonly #settings: () => ConnectionSettings & { readonly rtspPort: number };
  readonly #programs: Programs;

  constructor(settings: () => ConnectionSettings & { readonly rtspPort: number }, programs: Programs) {
    this.#settings = settings;
    this.#programs = programs;
  }

  /** @returns call when the client has disconnected */
  opened(kind: PeerKind, id: string): () => void {
    const { runOnConnect, runOnConnectRestart, runOnDisconnect, rtspPort } = this.#settings();
    const variables = { RTSP_PORT: String(rtspPort), MTX_CONN_TYPE: kind.apiType, MTX_CONN_ID: id };
    const isCaused = true;
    const running =
      runOnConnect === ''
        ? undefined
        : this.#programs.keep({ hook: 'runOnConnect', text: runOnConnect, variables, isCaused }, runOnConnectRestart);
    return () => {
      void running?.stop();
      if (runOnDisconnect !== '') {
        void this.#programs.once({ hook: 'runOnDisconnect', text: runOnDisconnect, variables, isCaused });
      }
    };
  }
}
