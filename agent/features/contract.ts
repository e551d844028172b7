import type { FastifyInstance } from 'fastify';
import type { TProperties } from 'typebox';
import type { Network } from '../../system/network-watch.ts';
import type { Accounts } from '../auth/accounts/accounts.ts';
import type { Person } from '../auth/accounts/person.ts';
import type { LinkedBoxes } from '../auth/pairing/linked-boxes.ts';
import type { PairedServers } from '../auth/pairing/paired-servers.ts';
import type { Identity } from '../auth/permissions/identity.ts';
import type { WrongCredentials } from '../auth/throttle/wrong-credentials.ts';
import type { EventBus } from '../base/event-bus.ts';
import type { EventKind, LabelType } from '../base/event-kinds.ts';
import type { DocumentCarrier } from '../base/files/document-carrier.ts';
import type { PreLoginMemory } from '../base/network/pre-login-memory.ts';
import type { ByteChannel } from '../base/network/socket-channel.ts';
import type { Component } from '../base/reconciler.ts';
import type { ApiEdits } from '../config/edit/api-edits.ts';
import type { Context } from '../config/load/context.ts';
import type { Environment } from '../config/load/environment.ts';
import type { Config } from '../config/load/load.ts';
import type { SourceKeys } from '../config/schema/common/key-rules.ts';
import type { ConfigKeys } from '../config/schema/config-keys.ts';
import type { FeatureKeys } from '../config/schema/feature-keys.ts';
import type { Mode } from '../config/values/modes.ts';
import type { Edit } from '../config/yaml/edit.ts';
import type { CameraCommands, CameraSteering } from '../http/api/cameras/camera-control.ts';
import type { CameraLookup } from '../http/api/cameras/cameras.ts';
import type { Stats } from '../http/api/device/stats.ts';
import type { ProtectionLookup } from '../http/api/recordings/protected.ts';
import type { HttpAccess } from '../http/auth/access.ts';
import type { FeatureMetric } from '../http/metrics/device-metrics.ts';
import type { FoundCamerasOptions } from '../onvif/discovery/found-cameras.ts';
import type { ForwardItem } from '../paths/path-forwards.ts';
import type { SegmentHooks } from '../paths/path-hooks.ts';
import type { PathBox, PathStatus } from '../paths/path-status.ts';
import type { PicturePart, Pixels } from '../picture/contracts.ts';
import type { StoreOffer } from '../playback/stores/contract.ts';
import type { Replicas, RtspReplays, SessionTables, SourceProtocol, ZlmApiCalls } from '../protocols/contract.ts';
import type { RecordingCopies } from '../record/store/recording-copies.ts';
import type { TransferKind } from '../recordings/copy/transfer-kind.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { TimedRgb } from '../recordings/rgb-picture.ts';
import type { Stream } from '../stream/stream.ts';
import type { DeviceNames } from '../tls/device-names.ts';
import type { NamedCertificates } from '../tls/named-certificates.ts';

/** A folder of `agent/features`, and a line in `agent/app/features/table.ts`, which has the order of start and of keys in the reference. */
export interface Feature {
  /** Name of its folder. */
  readonly name: string;
  /** Kind of its problems; default: its name. */
  readonly problemKind?: string;
  readonly keys?: FeatureKeys;
  /** Schemes of `source` that it adds; default: none. */
  readonly sources?: readonly SourceKeys[];
  readonly backup?: readonly BackupFile[];
  readonly commands?: readonly Command[];
  /** What is known of a path that is not in the file, for `perch explain`. */
  pathText?(config: Config, path: string): string | undefined;
  /** Key by which it rejects clients that the permissions accept, or undefined if it rejects none. For `perch explain`. */
  objector?(config: Config, action: 'read' | 'publish'): string | undefined;
  /** Where documents of the data folder are kept, if the configuration wants that instead of files. Called before people are read. @throws PerchError */
  documents?(options: DocumentsOptions): Promise<DocumentCarrier> | undefined;
  /** The place of `documents` in words, without secrets; undefined: files of the data folder. */
  documentsPlace?(config: Config): string | undefined;
  /** Loads no code that a box without it does not need. */
  open(host: Host): OpenFeature;
}

export interface DocumentsOptions extends Pick<Context, 'dataDir' | 'clock' | 'log'> {
  readonly config: Config;
}

export interface OpenFeature {
  /** Starts after the ports, and stops before them. */
  readonly component?: Component<Config>;
  readonly routes?: readonly FeatureRoutes[];
  problems?(): readonly FeatureProblem[];
  metrics?(): readonly FeatureMetric[];
  readonly facts?: FeatureFacts;
  /** Paths whose recordings lie elsewhere, too. */
  readonly store?: StoreOffer;
  /** Copies of recordings of this box. */
  readonly copies?: RecordingCopies;
  /** Ways in which recordings come to the disks of this box. */
  readonly transfers?: readonly TransferKind[];
  /** Called once, before the first configuration is in force. */
  begin?(): Promise<void>;
  /** Called once, when the first configuration is in force and the box records. */
  started?(): Promise<void>;
  /** Called once, when the index has all recordings. */
  indexed?(): Promise<void>;
  /** Called before a configuration is in force. Must not throw. */
  configure?(config: Config): void;
  /** The configuration with paths of this feature. */
  withPaths?(config: Config): Config;
  /** The configuration, that of `withPaths`, as this feature changes it. If it throws, nothing is applied. */
  inForce?(config: Config): Config;
  /** Called when the paths have new settings, or there are others. Must not throw. */
  applied?(): void | Promise<void>;
  /** Called before a person removes the camera of a path: it ends what it does there, within seconds. */
  leaving?(path: string): Promise<void>;
  /** Called when the stream of a path has begun. Must not throw. */
  streamOpened?(): void;
  /** Follows the files of a recorder that is being made. */
  segmentHooks?(): SegmentHooks | undefined;
  /** Labels that it looks for in the pictures of the path's events at present. */
  examines?(path: string): readonly LabelType[];
  /** What moves in the pictures of the path, or undefined if this feature does not look at them. */
  movement?(path: string): Movement | undefined;
  /** See `Host.release`. */
  release?(nameOf: (version: string) => string): AsyncIterable<Uint8Array> | undefined;
  /** Names of the zones of the path's picture. */
  zones?(path: string): readonly string[];
  /** Names of the zones at a point of the path's picture, in shares of it: those of labels. */
  zonesAt?(path: string, x: number, y: number): readonly string[];
  /** The mode of the box. */
  mode?(): Mode;
  /** What people may have done with one press, such as that of a button of a notification. */
  actions?(): readonly FeatureAction[];
  /** Whether it turns the camera of the path by itself, or has done so a moment ago: motion in the pictures is that of the camera. */
  isTurning?(path: string): boolean;
  /** Whether this feature alone reports such events of the path: those of the camera do not count. */
  replacesEvents?(path: string, kind: EventKind): boolean;
  /** Why it rejects a client that the permissions accept, or undefined if it does not. */
  objection?(action: 'read' | 'publish', path: string, identity: Identity): Promise<string | undefined>;
  /** ZLMediaKit's calls for one listener. */
  calls?(access: HttpAccess): ZlmApiCalls;
  /** Called after its component has stopped, while recordings are open. */
  close?(): Promise<void>;
  /** Called after the paths have closed, while recordings are open. */
  pathsClosed?(): Promise<void>;
  /** Those of its schemes. */
  readonly sources?: readonly SourceProtocol[];
  /** The box that has the camera of a `source`, for the status of its path, or undefined if the camera is not on another box. */
  boxOf?(source: string): (() => PathBox | undefined) | undefined;
  /** The commands of people to cameras, of which it sends those to cameras elsewhere. @param own those to cameras of this box */
  steering?(own: CameraCommands): CameraCommands;
  /** Recognizes who signed a request of the main port, before the hooks and routes that are added later. */
  authenticate?(app: FastifyInstance): void;
  /** Other servers for one listener, which share their viewers with this one. */
  replicas?(access: HttpAccess): Replicas | undefined;
  /** Recordings for clients of the RTSP server. */
  readonly replays?: RtspReplays;
  /** The saved clips, with what this feature keeps of them. */
  readonly protection?: ProtectionLookup;
  /** Whether this Perch offers the camera with this endpoint or serial number: the search leaves it out. */
  isOwn?(identity: string): boolean;
}

export interface FeatureRoutes {
  /** `main`: of the main port only. `api`: below `/v3` there and on the API port; a request needs the right `api`. */
  readonly listener: 'main' | 'api';
  /** Checked before each request; absent on `main`: the routes check it. */
  readonly right?: 'admin';
  mount(app: FastifyInstance, access: HttpAccess): Promise<void>;
}

/** A present problem, for `/v3/problems/list`. */
export interface FeatureProblem {
  /** What has it; absent: this box. */
  readonly name?: string;
  /** The reason in one word. */
  readonly why: string | null;
  readonly text: string;
  /** RFC 3339. */
  readonly since: string | null;
}

/** Something that a person asks for with one press. */
export interface FeatureAction {
  /** Stored with a person's choice of buttons: unique among all features, at most 80 characters. */
  readonly id: string;
  /** As the owner has called it. */
  readonly title: string;
  /** Whether the person has all rights that it needs. */
  isFor(person: Pick<Person, 'role' | 'may'>): boolean;
  /** @param user who has asked for it @throws PerchError */
  run(user: string): Promise<ActionResult>;
}

interface ActionResult {
  /** What could not be done; absent, undefined or null: nothing. */
  readonly problem?: string | null | undefined;
  /** Part of it takes longer: what comes of that is not known yet. */
  readonly isAtWork?: boolean;
}

/** What it adds to `/v3/system` and the support bundle. */
interface FeatureFacts {
  readonly schema: TProperties;
  read(): Promise<object>;
}

/** A file of the data folder that a backup has. */
export interface BackupFile {
  readonly name: string;
  /** May throw for a damaged one. */
  isWhole(text: string): boolean;
  /** The text that a restore writes, before all other files but the configuration. @returns undefined to write nothing. Absent: the text of the backup */
  restored?(texts: RestoredTexts): string | undefined;
}

/** Texts of the file, and of `secret.json`, which seals secrets; absent: there is no such file. */
interface RestoredTexts {
  readonly backup?: string | undefined;
  readonly now?: string | undefined;
  readonly backupSecret?: string | undefined;
  readonly secret?: string | undefined;
}

/** A command of the program `perch`. Perch may be running or not. The command loads its code when it runs. */
export interface Command {
  readonly name: string;
  /** Its arguments, then lines that say what it does. */
  readonly usage: readonly string[];
  /** Words that must follow its name, such as FOLDER. */
  readonly words?: readonly string[];
  /** `file`: the configuration file of a start may follow them. `words`: others may, which the command checks. */
  readonly takes?: 'file' | 'words';
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;
  /** @returns exit code */
  run(call: CommandCall): Promise<number>;
}

export interface CommandCall {
  /** All that follow its name. */
  readonly words: readonly string[];
  readonly dataDir: string;
  /** The configuration file of the command line. */
  readonly file: string | undefined;
  /** Value of an option. */
  text(option: string): string | undefined;
  has(option: string): boolean;
  readonly cwd: string;
  readonly env: Environment;
  /** All keys of the configuration. */
  keys(): Promise<ConfigKeys>;
  /** The output is a terminal, where a line can be overwritten. */
  readonly isTerminal: boolean;
  write(text: string): void;
  /** Aborts at the first SIGINT or SIGTERM. Only one that comes seconds later ends the process. */
  stopSignal(): AbortSignal;
  /** Locks the data folder. @param hint the message if a Perch runs on it @throws PerchError */
  hold(hint: string): { release(): void };
  /** Runs it with the documents where the configuration of the call keeps them. @throws PerchError conflict: Perch keeps them elsewhere */
  withDocuments<T>(call: CommandCall, work: () => Promise<T>): Promise<T>;
}

/** What the product offers. A class takes `Pick<Host, …>`. */
export interface Host extends Context {
  readonly version: string;
  readonly edits: ApiEdits;
  readonly events: Pick<EventBus, 'emit' | 'listen'>;
  readonly accounts: Pick<Accounts, 'device' | 'person' | 'people'>;
  readonly wrongCredentials: WrongCredentials;
  readonly preLogin: PreLoginMemory;
  readonly paths: {
    find(path: string): PathStatus | undefined;
    list(): readonly PathStatus[];
    openStreams(): readonly (readonly [string, Stream])[];
    /** Starts a source on demand. It ends when the stream has no reader. @throws PerchError that says why there is none */
    open(path: string): Promise<Stream>;
    forwardsOf(path: string): readonly ForwardItem[] | undefined;
    /** Asks the camera whether it has a loudspeaker, unless that is known. @throws PerchError with the reason why not */
    mayTalk(path: string): Promise<unknown>;
  };
  readonly recordings: Recordings;
  readonly pictures: {
    /** The present picture as JPEG. @param limits default: those for an event @throws PerchError if there is none */
    picture(path: string, limits?: { readonly timeoutMs: number; readonly maxAgeMs: number }): Promise<Uint8Array>;
    /** A JPEG of at most `maxBytes`. @throws PerchError unsupported if the camera has none */
    small(path: string, maxBytes: number): Promise<Uint8Array>;
    /**
     * The newest picture in RGB, of the sub stream if that is open. @param side longest side in pixels
     * @param aroundAt what it has to show of a picture of this time (Unix milliseconds, of the stream); undefined: all of it
     * @param keyFrameMs time for the key frame that is requested in a long group of pictures
     * @throws PerchError if there is none
     */
    rgb(
      path: string,
      side: number,
      aroundAt?: (wallMs: number) => PicturePart | undefined,
      keyFrameMs?: number,
    ): Promise<TimedRgb>;
    /** A JPEG of pixels, whose memory is given away, made in another thread. @throws PerchError exhausted, timeout */
    jpegOf(pixels: Pixels): Promise<Uint8Array>;
    hasPicture(path: string): boolean;
  };
  /** What moves in the pictures of the path, or undefined if nothing looks at them. */
  movement(path: string): Movement | undefined;
  /**
   * Fetches a file of the releases of Perch: of this version, or else of the newest one. Its bytes are not checked. Undefined: this box has
   * no address of releases. @throws PerchError timeout, unavailable
   */
  release(nameOf: (version: string) => string): AsyncIterable<Uint8Array> | undefined;
  /** Whether a feature turns the camera of the path by itself, or has done so a moment ago. */
  isTurning(path: string): boolean;
  /** Applies the configuration again, with what the feature now makes of it. */
  readonly applyAgain: () => void;
  /** Applies the paths alone again, with what `inForce` now makes of them. Resolves when the cameras follow. */
  readonly applyPaths: () => Promise<void>;
  readonly steering: CameraSteering;
  readonly cameras: Pick<CameraLookup, 'found'>;
  /** Folder of the system services' answers; absent: that of the package. */
  readonly hostAnswers?: string;
  /** Networks of the search for cameras; default: those of the box. */
  readonly discovery?: Pick<FoundCamerasOptions, 'port' | 'includeLoopback' | 'only'>;
  /** Changes the configuration file. @throws PerchError */
  revise(plan: (config: Config) => readonly Edit[]): Promise<void>;
  /** False while changes of the configuration are in effect until the next start only, because its file cannot be written. */
  isSaved(): boolean;
  /** Servers that show cameras of this box. */
  readonly servers: PairedServers;
  /** Boxes that connect to this server themselves. */
  readonly boxLinks: LinkedBoxes;
  /** Environment variables. */
  readonly env: Environment;
  /** Certificates of other authorities, which every port with TLS has besides its own. */
  readonly certificates: NamedCertificates;
  /** Undefined while https is off. */
  https(): OwnHttps | undefined;
  /** Serves RTSP on a connection of a paired server, with its rights; undefined while the RTSP server is off. */
  rtspFor(server: string): ((channel: ByteChannel) => void) | undefined;
  /** Networks of the box; absent: nothing is announced or searched there. */
  readonly network?: Network;
  /** mDNS name of the box. */
  readonly name: { readonly current: string | undefined };
  readonly sessions: SessionTables;
  readings(): Promise<Readings>;
  /** Labels that features look for in the pictures of the path's events at present. */
  examines(path: string): readonly LabelType[];
  /** Names of the zones of the path's picture. */
  zones(path: string): readonly string[];
  /** Names of the zones at a point of the path's picture, in shares of it. */
  zonesAt(path: string, x: number, y: number): readonly string[];
  /** The mode of the box; undefined: this product has none. */
  mode(): Mode | undefined;
  /** What people may have done with one press, of all features. */
  actions(): readonly FeatureAction[];
  /** Runs a command of the configuration once. @returns what went wrong, when it has ended */
  runOnce(command: OwnCommand): Promise<string | undefined>;
  /** All ways in which recordings come to the disks of this box. */
  transfers(): readonly TransferKind[];
  /** Figures of this run of Perch. */
  statistics(): Promise<Stats>;
}

/** A command that a feature's setting names. */
export interface OwnCommand {
  /** Such as `rules`: its key, for the log. */
  readonly hook: string;
  readonly text: string;
  /** Path of the camera that it is about. */
  readonly path?: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** What moves in the pictures of a path. Boxes and points are shares of the picture. */
export interface Movement {
  /**
   * Share of the box in whose part of the picture something has moved, 0 to 1. Times are Unix milliseconds of the stream, of the last 15 s.
   * @returns undefined if it is not known: the video cannot be read, or its usual noise is still being learnt
   */
  shareIn(box: PicturePart, fromMs: number, untilMs: number): number | undefined;
  /** The box around what has moved in these times, where it counts; undefined: nothing, or it is not known. Times are those of `shareIn`. */
  movingBox(fromMs: number, untilMs: number): PicturePart | undefined;
  /** Whether motion at this point counts, by the zones and masks of the path. */
  counts(x: number, y: number): boolean;
}

export interface OwnHttps {
  readonly port: number;
  readonly cert: Uint8Array;
  /** Certificate of the own authority, PEM, or undefined if another authority issued the certificate. */
  readonly authority: string | undefined;
  /** Of the box, for certificates. */
  readonly names: DeviceNames;
}

/** Readings of the box. */
export interface Readings {
  /** Load of all processors, in percent. */
  readonly cpu: number;
  /** Used part of the fullest recording disk, in percent; null: not known. */
  readonly disk: number | null;
  /** Temperature in °C; null: the box has no sensor. */
  readonly temperature: number | null;
  /** The newest known version of Perch. */
  readonly newest: string;
}
