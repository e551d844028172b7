import { explain, PerchError } from '../../base/errors.ts';
import { isSubStream } from '../../cameras/path-entries.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { UsRange } from '../../playback/index/hidden-ranges.ts';
import { loadLate } from '../../protocols/late.ts';
import { FetchMark } from '../../recordings/fetch-mark.ts';
import type { FeatureProblem, Host, OpenFeature } from '../contract.ts';
import { type CameraState, FIRST_PAUSE_MS, IDLE_MS, itemOf, newState } from './camera-state.ts';
import { CardSummaries } from './card-summaries.ts';
import type { Turn } from './fill-gap.ts';
import { BACKFILL } from './keys.ts';
import { isRecorded, OBSTACLES, type Obstacle, obstacleTo } from './obstacles.ts';
import type { BackfillItem, BackfillList } from './routes.ts';
import { Settled } from './settled.ts';
import { MAX_PAUSE_MS } from './stream-watch.ts';

const CHECK_SECONDS = 2;
/** A card may be mounted only minutes after the camera is back: it is asked again after this, then after ever longer pauses. */
const FIRST_ABSENCE_MS = 60_000;
const ABSENCE_FACTOR = 4;
/** Gaps that wait are counted this often. */
const COUNT_MS = 60_000;
/** The end of an outage is noted up to 2 s after the camera is recorded again, and the card may have been asked before. */
const NOTED_MS = 10_000;
/** While other cameras wait. */
const TURN_MS = 10 * 60_000;
const BREAKS = 'its live stream ends when its card is read';

type BackfillHost = Pick<Host, 'dataDir' | 'clock' | 'log' | 'config' | 'recordings' | 'paths' | 'sessions' | 'signal'>;

type Camera = readonly [path: string, settings: PathSettings];

/** Whether the gaps of the camera are filled: it is recorded. */
const isMeant = ([, { record }]: Camera): boolean => record !== 'no';

/** Fills gaps of recordings from the cards of cameras, one gap at a time. */
export class Backfill {
  readonly #host: BackfillHost;
  readonly #stableMs: number;
  readonly #settled: Settled;
  readonly #summaries: CardSummaries;
  readonly #mark: FetchMark;
  readonly #states = new Map<string, CameraState>();
  #counting: Promise<void> | undefined;
  #running: Turn | undefined;
  #work: Promise<void> = Promise.resolve();
  #end = (): void => {};
  readonly #forgetDeletions: readonly (() => void)[];
  #seconds = 0;
  #isClosed = false;

  constructor(host: BackfillHost, stableMs: number) {
    this.#host = host;
    this.#stableMs = stableMs;
    this.#settled = new Settled(host);
    this.#summaries = new CardSummaries(host);
    this.#mark = new FetchMark(host.dataDir, 'gap', host);
    const { space } = host.recordings;
    space.onMadeRoom((path, endUs) => this.#settled.madeRoom(path, endUs));
    const { rangeDeletions } = space;
    this.#forgetDeletions = [
      rangeDeletions.onDeleted((path, range) => this.#deleted(path, range)),
      rangeDeletions.onRestored((path, range) => this.#restored(path, range)),
    ];
  }

  async begin(): Promise<void> {
    await this.#settled.open();
  }

  /** The index has all recordings. */
  start(): void {
    if (!this.#isClosed) {
      this.#end = this.#host.clock.eachSecond(() => this.#tick());
    }
  }

  list(): BackfillList {
    return { items: this.#cameras().map(([path, settings]) => this.#item(path, settings)) };
  }

  problems(): readonly FeatureProblem[] {
    return this.#cameras()
      .filter(isMeant)
      .flatMap(([path]) => {
        const { error, errorMs = 0, gaps = 0 } = this.#states.get(path) ?? {};
        return error === undefined || gaps === 0
          ? []
          : [
              {
                name: path,
                why: 'failed',
                text: `gaps are not filled: ${error}`,
                since: new Date(errorMs).toISOString(),
              },
            ];
      });
  }

  metrics(): ReturnType<NonNullable<OpenFeature['metrics']>> {
    const seconds = [...this.#states.values()].reduce((sum, { fetchedSeconds }) => sum + fetchedSeconds, 0);
    return [
      ['backfill_fetched_seconds_total', 'counter', "Seconds of recordings fetched from cameras' cards.", seconds],
    ];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const forget of this.#forgetDeletions) {
      forget();
    }
    this.#end();
    this.#running?.stop.abort(new PerchError('unavailable', 'Perch stops'));
    await this.#summaries.close();
    await this.#work;
    await this.#counting;
    await this.#settled.close();
  }

  /** What a person deletes is not fetched again, nor finished while it is being fetched. */
  async #deleted(path: string, range: UsRange): Promise<void> {
    const stored = this.#settled.deleted(path, range);
    if (this.#running?.path === path) {
      this.#running.stop.abort(new PerchError('unavailable', 'recordings are deleted', { isPause: true }));
      await this.#work;
    }
    await stored;
  }

  async #restored(path: string, range: UsRange): Promise<void> {
    await this.#settled.restored(path, range);
    this.#askSoon(this.#stateOf(path));
  }

  /** Asks the card again now, also for what it did not have. @throws PerchError notFound */
  async retry(path: string): Promise<void> {
    const camera = this.#cameras().find(([name]) => name === path);
    if (!camera) {
      throw new PerchError('notFound', 'this path has no camera with ONVIF', { path });
    }
    const state = this.#stateOf(path);
    state.summaryDueMs = Number.NEGATIVE_INFINITY;
    if (!isMeant(camera)) {
      return;
    }
    await this.#settled.askAgain(path);
    state.watch.notBeforeMs = Number.NEGATIVE_INFINITY;
    state.isAsked = true;
    this.#askSoon(state);
  }

  #askSoon(state: CameraState): void {
    state.dueMs = this.#host.clock.monoMs();
    state.askedMs = Number.NEGATIVE_INFINITY;
    state.countedMs = Number.NEGATIVE_INFINITY;
    state.pauseMs = FIRST_PAUSE_MS;
    state.failures = 0;
    state.absences = 0;
  }

  #item(path: string, settings: PathSettings): BackfillItem {
    const { clock } = this.#host;
    return itemOf(path, this.#stateOf(path), {
      isOn: pathSettingsIn(settings, BACKFILL).backfill,
      running: this.#running?.path === path ? this.#running : undefined,
      isAnyRead: this.#running !== undefined,
      obstacle: this.#obstacle(path),
      monoMs: clock.monoMs(),
      wallMs: clock.wallMs(),
    });
  }

  /** Paths whose camera has ONVIF. */
  #cameras(): Camera[] {
    const config = this.#host.config();
    return [...config.paths].flatMap(([name, { settings }]) =>
      settings?.camera?.onvif !== undefined && !isSubStream(name, config) ? [[name, settings] as const] : [],
    );
  }

  #tick(): void {
    this.#seconds = (this.#seconds + 1) % CHECK_SECONDS;
    if (this.#seconds !== 0) {
      return;
    }
    const nowMs = this.#host.clock.monoMs();
    const cameras = this.#cameras();
    for (const [path, settings] of cameras) {
      this.#follow(path, settings, nowMs);
    }
    const recorded = cameras.filter(isMeant);
    this.#countWaiting(recorded, nowMs);
    this.#takeTurn(recorded, nowMs);
    for (const [path, settings] of cameras.filter(([path]) => path !== this.#running?.path)) {
      this.#summaries.follow(path, settings, this.#stateOf(path));
    }
  }

  #takeTurn(cameras: readonly Camera[], nowMs: number): void {
    const due = cameras.filter(([path]) => this.#isDue(path, nowMs));
    const running = this.#running;
    if (running) {
      this.#mark.set(running.path);
      const hasHadTurn = nowMs - this.#stateOf(running.path).servedMs > TURN_MS;
      const isOthersTurn = hasHadTurn && due.some(([path]) => path !== running.path);
      const obstacle = this.#obstacle(running.path);
      const why = obstacle ? OBSTACLES[obstacle] : isOthersTurn ? 'it is the turn of another camera' : undefined;
      if (why !== undefined) {
        running.stop.abort(new PerchError('unavailable', why, { isPause: true }));
      }
      return;
    }
    // In turn, since one with many gaps would hold up all others.
    const [next] = due.sort(([a], [b]) => this.#stateOf(a).servedMs - this.#stateOf(b).servedMs);
    if (next && !this.#isClosed) {
      const [path, settings] = next;
      const stop = new AbortController();
      this.#stateOf(path).servedMs = nowMs;
      const turn: Turn = { path, stop, gap: undefined, asked: undefined, isRead: false, reachedMs: 0 };
      this.#running = turn;
      this.#work = this.#fill(turn, settings).finally(() => {
        this.#running = undefined;
      });
    }
  }

  /** Counts the gaps of a camera whose card is not read now, because someone watches or by its hours. */
  #countWaiting(cameras: readonly Camera[], nowMs: number): void {
    const [path] =
      cameras.find(([one]) => {
        const obstacle = this.#obstacle(one);
        return nowMs - this.#stateOf(one).countedMs >= COUNT_MS && (obstacle === 'watched' || obstacle === 'hours');
      }) ?? [];
    if (path === undefined || this.#counting || this.#isClosed) {
      return;
    }
    this.#stateOf(path).countedMs = nowMs;
    this.#counting = this.#gaps(path)
      .then(
        ({ length }) => {
          this.#stateOf(path).gaps = length;
        },
        (error: unknown) => this.#host.log.debug({ path, cause: explain(error) }, 'gaps cannot be counted'),
      )
      .finally(() => {
        this.#counting = undefined;
      });
  }

  #isDue(path: string, nowMs: number): boolean {
    const { dueMs, watch } = this.#stateOf(path);
    return nowMs >= Math.max(dueMs, watch.notBeforeMs) && this.#obstacle(path) === undefined;
  }

  /** After an outage, also one by a reboot of the camera, its card is asked: unless that is what ends its stream. */
  #follow(path: string, settings: PathSettings, nowMs: number): void {
    const state = this.#stateOf(path);
    const status = this.#host.paths.find(path);
    const isRecordedNow = isRecorded(status, settings);
    const isBeingRead = this.#running?.path === path && this.#running.isRead;
    const isOther = state.watch.follow(status?.ready ? status.readyTime : null, isBeingRead, nowMs);
    if (state.watch.isHopeless && state.error !== BREAKS) {
      this.#failed(path, BREAKS);
    }
    if (isOther && state.card === undefined) {
      state.summaryDueMs = nowMs;
    }
    if (isRecordedNow && (isOther || !state.wasRecorded)) {
      this.#askSoon(state);
    }
    state.wasRecorded = isRecordedNow;
  }

  #failed(path: string, reason: string, error?: unknown): void {
    const { clock, log } = this.#host;
    const state = this.#stateOf(path);
    state.error = reason;
    state.errorMs = clock.wallMs();
    const text = 'a gap cannot be filled from the card of the camera';
    if (error === undefined || error instanceof PerchError) {
      log.warn({ path, reason }, text);
    } else {
      log.error({ path, err: error }, text);
    }
  }

  #stateOf(path: string): CameraState {
    const state = this.#states.get(path) ?? newState();
    this.#states.set(path, state);
    return state;
  }

  #obstacle(path: string): Obstacle | undefined {
    const { isAsked } = this.#stateOf(path);
    return obstacleTo(path, this.#host, { mark: this.#mark, stableMs: this.#stableMs, isAsked });
  }

  /** Asks the camera what its card holds, and fetches a gap. Never rejects. */
  async #fill(turn: Turn, settings: PathSettings): Promise<void> {
    const { path } = turn;
    const { clock } = this.#host;
    const state = this.#stateOf(path);
    const { recorders } = this.#host.recordings;
    if (!recorders.claim(path, 'backfill')) {
      return;
    }
    try {
      if (!this.#mark.set(path)) {
        return;
      }
      const [gaps, { fillGap, gapInTurn }] = await Promise.all([this.#gaps(path), loadFetching()]);
      state.gaps = gaps.length;
      const isAbsent = state.card === null && gaps.length > 0;
      const absenceMs = FIRST_ABSENCE_MS * ABSENCE_FACTOR ** (state.absences - 1);
      const askAgainMs = state.askedMs + Math.min(IDLE_MS, isAbsent ? absenceMs : IDLE_MS);
      if (clock.monoMs() < askAgainMs && (gaps.length === 0 || isAbsent)) {
        state.dueMs = askAgainMs;
        return;
      }
      const work = { turn, settings, state, settled: this.#settled };
      const isOver = await fillGap(work, gapInTurn(gaps, state.failures), this.#host);
      state.error = undefined;
      state.pauseMs = FIRST_PAUSE_MS;
      state.dueMs = clock.monoMs();
      if (isOver) {
        state.isAsked = false;
        state.askedMs = state.dueMs;
        state.absences = state.card === null ? state.absences + 1 : 0;
        state.dueMs += NOTED_MS;
      }
    } catch (error) {
      const isPause = error instanceof PerchError && error.context['isPause'] === true;
      state.dueMs = clock.monoMs() + (isPause ? 0 : state.pauseMs);
      if (isPause || turn.stop.signal.aborted) {
        return;
      }
      state.pauseMs = Math.min(MAX_PAUSE_MS, 2 * state.pauseMs);
      state.failures += 1;
      state.isAsked = false;
      await this.#settleDoubted(turn, error);
      const reason = explain(error);
      if (state.error !== reason) {
        this.#failed(path, reason, error);
      }
    } finally {
      recorders.release(path, 'backfill');
      this.#mark.clear();
      if (turn.isRead) {
        state.watch.read(clock.monoMs());
      }
    }
  }

  /** What is in doubt stays so: only a person has the card asked again. */
  async #settleDoubted({ path, asked }: Turn, error: unknown): Promise<void> {
    if (asked && error instanceof PerchError && error.context['isInDoubt'] === true) {
      await this.#settled.asked(path, asked, 'inDoubt').catch((cause: unknown) => {
        this.#host.log.warn({ path, err: cause }, 'a gap that is in doubt is asked for again');
      });
    }
  }

  async #gaps(path: string): Promise<readonly UsRange[]> {
    const { gapsOf } = await loadFetching();
    const { gaps, unfilled } = await gapsOf(path, this.#host, this.#settled);
    this.#stateOf(path).unfilled = unfilled;
    return gaps;
  }
}

const loadFetching = () =>
  loadLate('filling of gaps', async () => {
    const [{ fillGap, gapsOf }, { gapInTurn }] = await Promise.all([
      import('./fill-gap.ts'),
      import('./fetching/gaps.ts'),
    ]);
    return { gapInTurn, gapsOf, fillGap };
  });
