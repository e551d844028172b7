import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import type { Logger } from '../base/log.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import type { PathEntry } from '../config/load/path-entry.ts';
import type { Destination } from '../config/schema/forward.ts';
import type { PathSettings } from '../config/schema/path.ts';
import { checkStreamPath } from '../config/values/path-name.ts';
import type { Track } from '../media/sample/track.ts';
import type { Forwarder } from '../protocols/contract.ts';
import type { BackChannel, Paths, Publication, Publisher, Source, TalkFormat } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import { AlwaysAvailable } from './always-available/always-available.ts';
import { ClipFile } from './always-available/clip-file.ts';
import { configuredTracks } from './always-available/offline-media.ts';
import { Overload } from './overload.ts';
import { Path } from './path.ts';
import type { ForwardItem, MakeForwarder } from './path-forwards.ts';
import type { PathHooks, SegmentHooks } from './path-hooks.ts';
import type { PathOrigin, PathParts, PathTraits } from './path-parts.ts';
import {
  cannotPublish,
  groupsOf,
  isOnDemand,
  recordKeyOf,
  settingsFor,
  sourceKeyOf,
  usesQuery,
  withQuery,
} from './path-settings.ts';
import {
  disabledStatus,
  type PathBox,
  type PathRecorder,
  type PathStatus,
  type RecordingFacts,
} from './path-status.ts';
import type { PathTalk } from './path-talk.ts';

/** Suffix of the path of a camera's sub stream. */
const SUB_SUFFIX = '_sub';
/** Limit of paths made for patterns. */
const MAX_MADE_PATHS = 1_000;

/** Makes the parts of a path. */
export interface PathMakers {
  /** @param settings of a path that is pulled */
  source(name: string, settings: PathSettings, config: Config): Source;
  recorder(name: string, settings: PathSettings, hooks?: SegmentHooks): PathRecorder | undefined;
  /**
   * @param groups of the entry's regular expression, or undefined if the entry is for a single path
   * @param former resolves when the previous path of this name has released its parts
   */
  hooks?(
    name: string,
    settings: PathSettings,
    groups: readonly string[] | undefined,
    former: Promise<void> | undefined,
  ): PathHooks;
  forwarder?(name: string, destination: Destination, config: Config): Forwarder;
  /** Why WebRTC viewers get no audio of these tracks, or undefined if they get it, or there is none. */
  noAudioReason?(tracks: readonly Track[]): string | undefined;
  /** The current state of the box whose camera a source shows, or undefined if the camera is this box's own. */
  box?(source: string): (() => PathBox | undefined) | undefined;
  streamOpened(name: string, stream: Stream): void;
  /** Called before the first packet of a publisher. */
  publisherAccepted?(): void;
  publishEvent?: PublishEvent;
}

interface LivePath {
  readonly path: Path;
  readonly hooks: PathHooks | undefined;
  readonly sourceKey: string;
  recordKey: string;
}

/**
 * All paths by name. A new configuration changes only paths whose settings have changed.
 * A path with its own entry always exists, one of a pattern from its first use to its last.
 */
export class PathTable implements Paths {
  readonly #makers: PathMakers;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #live = new Map<string, LivePath>();
  /** Paths that are stopping. */
  readonly #ending = new Set<Promise<void>>();
  /** The last stopping path of each name, until it is released. */
  readonly #former = new Map<string, Promise<void>>();
  readonly #troubles = new TroubleLog();
  readonly #stopTicking: () => void;
  #config: Config | undefined;

  constructor(makers: PathMakers, clock: Clock, log: Logger) {
    this.#makers = makers;
    this.#clock = clock;
    this.#log = log;
    const overload = new Overload(clock, log);
    this.#stopTicking = clock.eachSecond(() => {
      const monoMs = clock.monoMs();
      let isRecording = false;
      for (const { path } of this.#live.values()) {
        isRecording ||= path.isRecorded;
      }
      overload.tick(isRecording);
      for (const { path } of this.#live.values()) {
        path.tick(monoMs, overload.pictures);
      }
    });
  }

  /** Applies a configuration; resolves when paths that had to stop have stopped. */
  async apply(config: Config): Promise<void> {
    this.#config = config;
    const stopping: Promise<void>[] = [];
    for (const [name, live] of this.#live) {
      const settings = settingsFor(resolvePath(config, name), name);
      if (!settings || sourceKeyOf(settings, config) !== live.sourceKey) {
        stopping.push(this.#end(name, live.path));
      }
    }
    // New sources start after the old ones have closed their connections: some cameras allow one session only. Their
    // paths exist at once, so that they stay in the API's lists.
    const released = Promise.all(this.#former.values()).then(() => {});
    const lasting = [...config.paths.values()].filter((entry) => entry.settings && !entry.pattern);
    for (const { name } of lasting) {
      this.#obtain(name, config, released);
    }
    await Promise.all(stopping);
    await Promise.all([...this.#live].map(([name, live]) => this.#follow(name, live, config)));
  }

  /** What `apply` would do: paths that restart, and those whose recorder restarts. */
  forecast(config: Config): { readonly restarts: string[]; readonly recordings: string[] } {
    const restarts: string[] = [];
    const recordings: string[] = [];
    for (const [name, live] of this.#live) {
      const settings = settingsFor(resolvePath(config, name), name);
      if (settings && sourceKeyOf(settings, config) !== live.sourceKey) {
        restarts.push(name);
      } else if (settings && recordKeyOf(settings, config) !== live.recordKey) {
        recordings.push(name);
      }
    }
    return { restarts, recordings };
  }

  async open(name: string, query = ''): Promise<Stream> {
    const entry = this.#entryOf(name);
    if (entry.settings?.source === 'redirect') {
      const message = `path '${name}' redirects RTSP readers (source: redirect), which HLS and WebRTC do not support`;
      throw new PerchError('notFound', message, { path: name });
    }
    const isStarted = entry.settings && isOnDemand(entry.settings);
    const live = this.#live.get(name) ?? (isStarted ? this.#obtain(name, this.#config) : undefined);
    if (!live) {
      const reason = entry.error === undefined ? '' : `: ${entry.error}`;
      throw new PerchError('notFound', `no stream is available on path '${name}'${reason}`, { path: name });
    }
    return live.path.open(query);
  }

  redirectOf(name: string): string | undefined {
    const { settings } = this.#entryOf(name);
    if (settings?.source === 'redirect') {
      return settings.sourceRedirect;
    }
    const isOver = (settings && isOnDemand(settings)) || this.#live.get(name)?.path.hasStream;
    return isOver ? undefined : settings?.fallback || undefined;
  }

  mayPublish(name: string, when: 'now' | 'later' = 'later'): void {
    const { error, settings } = this.#entryOf(name);
    if (error !== undefined) {
      throw new PerchError('badInput', `path '${name}' is disabled: ${error}`, { path: name });
    }
    if (when === 'now' && settings?.source !== 'publisher') {
      throw cannotPublish(name);
    }
    if (when === 'now') {
      this.#live.get(name)?.path.mayPublish();
    }
  }

  publish(name: string, publisher: Publisher): Publication {
    this.mayPublish(name);
    const { settings } = this.#entryOf(name);
    const live = settings?.source === 'publisher' ? this.#obtain(name, this.#config) : this.#live.get(name);
    if (!live) {
      throw cannotPublish(name);
    }
    const publication = live.path.publish(publisher);
    this.#makers.publisherAccepted?.();
    return publication;
  }

  hasBFrames(name: string): boolean | undefined {
    return this.#live.get(name)?.path.hasBFrames;
  }

  async mayTalk(name: string): Promise<TalkFormat> {
    return this.#talkOf(name).check();
  }

  async talk(name: string, onEnded: (reason: string) => void): Promise<BackChannel> {
    return this.#talkOf(name).open(onEnded);
  }

  openStreams(): (readonly [name: string, stream: Stream])[] {
    return [...this.#live].flatMap(([name, { path }]) => (path.stream ? [[name, path.stream] as const] : []));
  }

  list(): PathStatus[] {
    return [...[...this.#live.values()].map(({ path }) => path.status), ...this.#disabled()];
  }

  /** What is known of recordings, asked every few seconds. Of paths that are not recorded it is their names: a server may show 20,000 of them. */
  recordings(): RecordingFacts[] {
    return [...[...this.#live.values()].map(({ path }) => path.recordingStatus), ...this.#disabled()];
  }

  find(name: string): PathStatus | undefined {
    return this.#live.get(name)?.path.status ?? this.list().find((status) => status.name === name);
  }

  /** Undefined: no such path now. */
  forwardsOf(name: string): readonly ForwardItem[] | undefined {
    return this.#live.get(name)?.path.forwards;
  }

  /** Why the source of a path failed, or undefined if it did not. */
  faultOf(name: string): unknown {
    return this.#live.get(name)?.path.sourceFault;
  }

  /** Whether the recorder of any path has failed. */
  get isRecordingBroken(): boolean {
    return [...this.#live.values()].some(({ path }) => path.recordingStatus.recording?.error);
  }

  async close(): Promise<void> {
    this.#stopTicking();
    this.#config = undefined;
    const paths = [...this.#live.values()];
    this.#live.clear();
    await Promise.all([...paths.map(({ path }) => path.stop()), ...this.#ending]);
  }

  #disabled(): PathStatus[] {
    return [...(this.#config?.paths.values() ?? [])].filter(({ error }) => error !== undefined).map(disabledStatus);
  }

  /** Talks of a path, which is created if needed: a talk needs no reader. */
  #talkOf(name: string): PathTalk {
    const { settings } = this.#entryOf(name);
    const isPulled = settings?.source.includes('://') === true;
    const live = this.#live.get(name) ?? (isPulled ? this.#obtain(name, this.#config) : undefined);
    if (!live) {
      const message = `path '${name}' has no camera with a back channel`;
      throw new PerchError('unsupported', message, { path: name });
    }
    return live.path.talk;
  }

  /** @throws PerchError badInput for an invalid or unknown name */
  #entryOf(name: string): PathEntry {
    checkStreamPath(name);
    const entry = this.#config && resolvePath(this.#config, name);
    if (!entry) {
      throw new PerchError('badInput', `path '${name}' is not configured`, { path: name });
    }
    return entry;
  }

  /**
   * The path of this name, created on first use, or undefined if its entry is disabled.
   * @param former its source starts after it
   */
  #obtain(name: string, config: Config | undefined, former = this.#former.get(name)): LivePath | undefined {
    const known = this.#live.get(name);
    const entry = config && resolvePath(config, name);
    const settings = settingsFor(entry, name);
    if (known || !config || !entry || !settings) {
      return known;
    }
    if (entry.pattern && this.#live.size - config.paths.size >= MAX_MADE_PATHS) {
      const message = `${MAX_MADE_PATHS} paths of patterns are in use, the limit`;
      throw new PerchError('exhausted', message, { path: name });
    }
    const hooks = this.#makers.hooks?.(name, settings, groupsOf(entry, name), former);
    const path = new Path(
      {
        name,
        ...this.#traitsOf(name, entry, settings, config),
        hooks,
        former,
        recorder: this.#makers.recorder(name, settings, hooks),
        makeForwarder: this.#makeForwarder(name, config),
        noAudioReason: this.#makers.noAudioReason,
        box: this.#makers.box?.(settings.source),
        makeAlwaysAvailable: this.#makeAlwaysAvailable(name, settings),
        onStream: (stream) => this.#makers.streamOpened(name, stream),
        publishEvent: this.#makers.publishEvent,
        onIdle: () => this.#forget(name, path),
      },
      this.#clock,
      this.#log,
    );
    const live = { path, hooks, sourceKey: sourceKeyOf(settings, config), recordKey: recordKeyOf(settings, config) };
    this.#live.set(name, live);
    path.setForwards(settings.forward);
    path.start();
    return live;
  }

  #makeAlwaysAvailable(name: string, settings: PathSettings): PathParts['makeAlwaysAvailable'] {
    const { alwaysAvailable, alwaysAvailableTracks, alwaysAvailableFile: file } = settings;
    const clip = file === '' ? undefined : new ClipFile(file, this.#clock, this.#log.child({ path: name }));
    return alwaysAvailable
      ? (onStream) => new AlwaysAvailable(configuredTracks(alwaysAvailableTracks), clip, this.#clock, onStream)
      : undefined;
  }

  #makeForwarder(name: string, config: Config): MakeForwarder | undefined {
    const { forwarder } = this.#makers;
    return forwarder && ((destination) => forwarder(name, destination, this.#config ?? config));
  }

  #traitsOf(name: string, entry: PathEntry, settings: PathSettings, config: Config): PathTraits {
    return {
      confName: entry.name,
      title: settings.camera?.name ?? null,
      order: settings.camera?.order,
      pausedUntil: settings.camera?.paused ? settings.camera.pausedUntil : undefined,
      maxReaders: settings.maxReaders,
      origin: this.#originOf(name, settings, config),
    };
  }

  #originOf(name: string, settings: PathSettings, config: Config): PathOrigin {
    const { source, overridePublisher } = settings;
    if (settings.isPrivate) {
      return { kind: 'private' };
    }
    if (settings.camera?.paused && source !== 'redirect') {
      return { kind: 'paused' };
    }
    if (source === 'publisher') {
      const { runOnDemandStartTimeoutMs: startTimeoutMs, runOnDemandCloseAfterMs: closeAfterMs } = settings;
      return {
        kind: 'publisher',
        mayOverride: overridePublisher,
        usesSenderClock: settings.useAbsoluteTimestamp,
        isSilent: !settings.audio,
        demuxesMpegts: settings.rtspDemuxMpegts,
        onDemand: isOnDemand(settings) ? { startTimeoutMs, closeAfterMs } : undefined,
      };
    }
    if (source === 'redirect') {
      return { kind: 'redirect' };
    }
    return {
      kind: 'pulled',
      source: {
        make: (query) => this.#makers.source(name, withQuery(settings, query), config),
        usesQuery: usesQuery(settings),
        isNews: (reason) => this.#troubles.isNews(name, reason),
        forget: () => this.#troubles.forget(name),
      },
      onDemand: settings.sourceOnDemand
        ? { startTimeoutMs: settings.sourceOnDemandStartTimeoutMs, closeAfterMs: settings.sourceOnDemandCloseAfterMs }
        : undefined,
    };
  }

  /** Applies changed settings that need no restart of the path. */
  async #follow(name: string, live: LivePath, config: Config): Promise<void> {
    const entry = resolvePath(config, name);
    const settings = settingsFor(entry, name);
    if (!entry || !settings) {
      return;
    }
    live.path.follow(this.#traitsOf(name, entry, settings, config));
    live.path.setForwards(settings.forward);
    live.hooks?.follow(settings, groupsOf(entry, name));
    const recordKey = recordKeyOf(settings, config);
    if (live.recordKey !== recordKey) {
      live.recordKey = recordKey;
      await live.path.setRecorder(this.#makers.recorder(name, settings, live.hooks));
    }
    if (live.path.isIdle) {
      this.#forget(name, live.path);
    }
  }

  /** Removes an idle path of a pattern. */
  #forget(name: string, path: Path): void {
    const entry = this.#config && resolvePath(this.#config, name);
    if (entry?.pattern && this.#live.get(name)?.path === path) {
      void this.#end(name, path);
    }
  }

  /** A new path of this name starts when this one is released. */
  #end(name: string, path: Path): Promise<void> {
    this.#live.delete(name);
    const ended = path.stop().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
    const released = Promise.all([this.#former.get(name), path.released]).then(() => {
      if (this.#former.get(name) === released) {
        this.#former.delete(name);
      }
    });
    this.#former.set(name, released);
    return ended;
  }
}

/** Current failures of cameras, so that the two streams of one camera do not log the same failure. */
class TroubleLog {
  /** Reasons by path; the texts do not contain its name. */
  readonly #reasons = new Map<string, string>();

  /** @returns false if the camera's other stream has the same failure */
  isNews(path: string, reason: string): boolean {
    const words = reason.replaceAll(`'${path}'`, '');
    this.#reasons.set(path, words);
    const other = path.endsWith(SUB_SUFFIX) ? path.slice(0, -SUB_SUFFIX.length) : `${path}${SUB_SUFFIX}`;
    return this.#reasons.get(other) !== words;
  }

  /** Called when the stream has opened, or the source was stopped. */
  forget(path: string): void {
    this.#reasons.delete(path);
  }
}
