import type { FastifyInstance } from 'fastify';
import type { TProperties } from 'typebox';
import type { EventKind, LabelType } from '../../base/event-kinds.ts';
import { attempt, logOnce } from '../../base/log-once.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { Mode } from '../../config/values/modes.ts';
import type { Feature, FeatureAction, FeatureRoutes, Host, Movement, OpenFeature } from '../../features/contract.ts';
import type { ProblemItem } from '../../http/api/device/problems.ts';
import type { ProtectionLookup } from '../../http/api/recordings/protected.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import type { FeatureMetric } from '../../http/metrics/device-metrics.ts';
import type { SegmentHooks } from '../../paths/path-hooks.ts';
import type { PathBox } from '../../paths/path-status.ts';
import type { StoreOffer } from '../../playback/stores/contract.ts';
import type { Replicas, RtspReplays, SourceProtocol, ZlmApiCalls } from '../../protocols/contract.ts';
import { safeCopies } from '../../record/store/recording-copies.ts';
import type { TransferKind } from '../../recordings/copy/transfer-kind.ts';

/** All features of this product. */
export class OpenFeatures {
  readonly #open: readonly {
    readonly name: string;
    /** Of its problems. */
    readonly kind: string;
    readonly feature: OpenFeature;
    readonly failed: (error: unknown) => void;
  }[];

  constructor(features: readonly Feature[], host: Host) {
    this.#open = features.map(({ name, problemKind: kind = name, open }) => ({
      name,
      kind,
      feature: open(host),
      failed: logOnce((_, err) => host.log.error({ feature: name, err }, 'a feature failed; the others continue')),
    }));
    for (const { feature, failed } of this.#open) {
      if (feature.store) {
        host.recordings.stores.add(safeStore(feature.store, failed));
      }
      if (feature.copies) {
        host.recordings.playback.copies.add(safeCopies(feature.copies, failed));
      }
    }
    if (this.#open.some(({ feature }) => feature.zonesAt)) {
      host.recordings.events.hub.locate((path, x, y) =>
        this.zones(path).length === 0 ? undefined : this.zonesAt(path, x, y),
      );
    }
  }

  /** Calls a member of each. One that throws is logged. @throws what one of `needed` throws */
  #all<T>(call: (feature: OpenFeature, kind: string) => T, needed?: (feature: OpenFeature) => boolean): T[] {
    return this.#open.flatMap(({ kind, feature, failed }) => {
      try {
        return [call(feature, kind)];
      } catch (error) {
        if (needed?.(feature)) {
          throw error;
        }
        failed(error);
        return [];
      }
    });
  }

  /** Like `#all`, one after the other. */
  async #each<T>(
    call: (feature: OpenFeature, name: string) => Promise<T> | undefined,
    needed?: (feature: OpenFeature) => boolean,
  ): Promise<T[]> {
    const results: T[] = [];
    for (const { name, feature, failed } of this.#open) {
      try {
        const result = await call(feature, name);
        if (result !== undefined) {
          results.push(result);
        }
      } catch (error) {
        if (needed?.(feature)) {
          throw error;
        }
        failed(error);
      }
    }
    return results;
  }

  /** Kinds of their problems. */
  get problemKinds(): readonly string[] {
    return this.#open.filter(({ feature }) => feature.problems).map(({ kind }) => kind);
  }

  components(): Component<Config>[] {
    return this.#open.flatMap(({ feature }) => feature.component ?? []);
  }

  problems(): ProblemItem[] {
    return this.#all((feature, kind) =>
      (feature.problems?.() ?? []).map(({ name = null, why, text, since }) => ({ kind, name, why, text, since })),
    ).flat();
  }

  metrics(): FeatureMetric[] {
    return this.#all((feature) => feature.metrics?.() ?? []).flat();
  }

  async begin(): Promise<void> {
    await this.#each((feature) => feature.begin?.(), decidesInForce);
  }

  get factsSchema(): TProperties {
    return Object.assign({}, ...this.#open.map(({ feature }) => feature.facts?.schema));
  }

  /** @param only the name of one; default: all */
  async facts(only?: string): Promise<Readonly<Record<string, unknown>>> {
    const of = ({ facts }: OpenFeature) => (only === undefined || only in (facts?.schema ?? {}) ? facts : undefined);
    return Object.assign({}, ...(await this.#each((feature) => of(feature)?.read())));
  }

  async started(): Promise<void> {
    await this.#each((feature) => feature.started?.());
  }

  async indexed(): Promise<void> {
    await this.#each((feature) => feature.indexed?.());
  }

  configure(config: Config): void {
    this.#all((feature) => feature.configure?.(config), decidesInForce);
  }

  withPaths(config: Config): Config {
    let all = config;
    this.#all((feature) => {
      all = feature.withPaths?.(all) ?? all;
    });
    return all;
  }

  /** @throws what one throws */
  inForce(config: Config): Config {
    return this.#open.reduce((given, { feature }) => feature.inForce?.(given) ?? given, config);
  }

  readonly segmentHooks = (): SegmentHooks[] => this.#all((feature) => feature.segmentHooks?.() ?? []).flat();

  async applied(): Promise<void> {
    await this.#each(async (feature) => feature.applied?.());
  }

  async leaving(path: string): Promise<void> {
    await this.#each((feature) => feature.leaving?.(path));
  }

  /** @param closes called with the name of each before it closes */
  async close(closes: (name: string) => void): Promise<void> {
    await this.#each((feature, name) => {
      closes(name);
      return feature.close?.();
    });
  }

  async pathsClosed(): Promise<void> {
    await this.#each((feature) => feature.pathsClosed?.());
  }

  streamOpened(): void {
    this.#all((feature) => feature.streamOpened?.());
  }

  replacesEvents(path: string, kind: EventKind): boolean {
    return this.#all((feature) => feature.replacesEvents?.(path, kind)).includes(true);
  }

  readonly isTurning = (path: string): boolean => this.#all((feature) => feature.isTurning?.(path)).includes(true);

  examines(path: string): readonly LabelType[] {
    return [...new Set(this.#all((feature) => feature.examines?.(path) ?? []).flat())];
  }

  zones(path: string): readonly string[] {
    return this.#all((feature) => feature.zones?.(path) ?? []).flat();
  }

  zonesAt(path: string, x: number, y: number): readonly string[] {
    return this.#all((feature) => feature.zonesAt?.(path, x, y) ?? []).flat();
  }

  get mode(): Mode | undefined {
    return this.#first((feature) => feature.mode?.());
  }

  get actions(): readonly FeatureAction[] {
    return this.#all((feature) => feature.actions?.() ?? []).flat();
  }

  movement(path: string): Movement | undefined {
    return this.#first((feature) => feature.movement?.(path));
  }

  /** Recordings for clients of the RTSP server. */
  get replays(): RtspReplays | undefined {
    return this.#first((feature) => feature.replays);
  }

  release(nameOf: (version: string) => string): AsyncIterable<Uint8Array> | undefined {
    return this.#first((feature) => feature.release?.(nameOf));
  }

  get sources(): readonly SourceProtocol[] {
    return this.#open.flatMap(({ feature }) => feature.sources ?? []);
  }

  boxOf(source: string): (() => PathBox | undefined) | undefined {
    return this.#first((feature) => feature.boxOf?.(source));
  }

  readonly steering: NonNullable<OpenFeature['steering']> = (own) =>
    this.#open.reduce((commands, { feature }) => feature.steering?.(commands) ?? commands, own);

  authenticate(app: FastifyInstance): void {
    for (const { feature } of this.#open) {
      feature.authenticate?.(app);
    }
  }

  get protection(): ProtectionLookup | undefined {
    return this.#first(({ protection }) => protection);
  }

  async objection(...asked: Parameters<NonNullable<OpenFeature['objection']>>): Promise<string | undefined> {
    for (const { feature } of this.#open) {
      const why = await feature.objection?.(...asked);
      if (why !== undefined) {
        return why;
      }
    }
    return undefined;
  }

  readonly calls = (access: HttpAccess): ZlmApiCalls | undefined => this.#first((feature) => feature.calls?.(access));

  readonly replicas = (access: HttpAccess): Replicas | undefined =>
    this.#first((feature) => feature.replicas?.(access));

  readonly isOwn = (identity: string): boolean => this.#all((feature) => feature.isOwn?.(identity)).includes(true);

  get transfers(): readonly TransferKind[] {
    return this.#open.flatMap(({ feature }) => feature.transfers ?? []);
  }

  get routes(): readonly FeatureRoutes[] {
    return this.#open.flatMap(({ feature }) => feature.routes ?? []);
  }

  #first<T>(of: (feature: OpenFeature) => T | undefined): T | undefined {
    return this.#all(of).find((found) => found !== undefined);
  }
}

/** Without it a private camera would be recorded. */
const decidesInForce = ({ inForce }: OpenFeature): boolean => inForce !== undefined;

const safeStore = (store: StoreOffer, failed: (error: unknown) => void): StoreOffer => ({
  has: (path) => attempt(() => store.has(path), false, failed),
  names: () => attempt(() => store.names(), [], failed),
  open: () => store.open(),
});

/** Mounts routes with a hook of their own for their right. */
export async function mountRoutes(
  table: readonly FeatureRoutes[],
  listener: FeatureRoutes['listener'],
  app: FastifyInstance,
  access: HttpAccess,
): Promise<void> {
  for (const routes of table) {
    const { right } = routes;
    if (routes.listener === listener) {
      await app.register(async (scope) => {
        if (right) {
          scope.addHook('onRequest', (request) => access.require(request, right, ''));
        }
        await routes.mount(scope, access);
      });
    }
  }
}
