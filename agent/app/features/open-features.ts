import type { FastifyInstance } from 'fastify';
import type { TProperties } from 'typebox';
import type { EventKind } from '../../base/event-kinds.ts';
import type { Component } from '../../base/reconciler.ts';
import type { Config } from '../../config/load/load.ts';
import type { Feature, FeatureRoutes, Host, OpenFeature } from '../../features/contract.ts';
import type { ProblemItem } from '../../http/api/device/problems.ts';
import type { HttpAccess } from '../../http/auth/access.ts';
import type { FeatureMetric } from '../../http/metrics/device-metrics.ts';

/** All features of this product. */
export class OpenFeatures {
  readonly #open: readonly { readonly name: string; readonly feature: OpenFeature }[];

  constructor(features: readonly Feature[], host: Host) {
    this.#open = features.map((feature) => ({ name: feature.name, feature: feature.open(host) }));
  }

  /** Kinds of their problems. */
  get problemKinds(): readonly string[] {
    return this.#open.filter(({ feature }) => feature.problems).map(({ name }) => name);
  }

  components(): Component<Config>[] {
    return this.#open.flatMap(({ feature }) => feature.component ?? []);
  }

  problems(): ProblemItem[] {
    return this.#open.flatMap(({ name: kind, feature }) =>
      (feature.problems?.() ?? []).map(({ name = null, why, text, since }) => ({ kind, name, why, text, since })),
    );
  }

  metrics(): FeatureMetric[] {
    return this.#open.flatMap(({ feature }) => feature.metrics?.() ?? []);
  }

  async begin(): Promise<void> {
    for (const { feature } of this.#open) {
      await feature.begin?.();
    }
  }

  get factsSchema(): TProperties {
    return Object.assign({}, ...this.#open.map(({ feature }) => feature.facts?.schema));
  }

  async facts(): Promise<Readonly<Record<string, unknown>>> {
    return Object.assign({}, ...(await Promise.all(this.#open.map(({ feature }) => feature.facts?.read()))));
  }

  async indexed(): Promise<void> {
    for (const { feature } of this.#open) {
      await feature.indexed?.();
    }
  }

  applied(): void {
    for (const { feature } of this.#open) {
      feature.applied?.();
    }
  }

  /** @param closes called with the name of each before it closes */
  async close(closes: (name: string) => void): Promise<void> {
    for (const { name, feature } of this.#open) {
      closes(name);
      await feature.close?.();
    }
  }

  streamOpened(): void {
    for (const { feature } of this.#open) {
      feature.streamOpened?.();
    }
  }

  replacesEvents(path: string, kind: EventKind): boolean {
    return this.#open.some(({ feature }) => feature.replacesEvents?.(path, kind));
  }

  isOwn(identity: string): boolean {
    return this.#open.some(({ feature }) => feature.isOwn?.(identity));
  }

  get routes(): readonly FeatureRoutes[] {
    return this.#open.flatMap(({ feature }) => feature.routes ?? []);
  }
}

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
