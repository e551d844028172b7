import { type ConfigKeys, configKeysOf } from '../config/schema/config-keys.ts';
import type { Feature } from '../features/contract.ts';
import { FEATURES } from './features/table.ts';
import { PROTOCOLS, type Protocols } from './protocols.ts';

/** The keys of a product with these protocols and features. */
export const keysOf = ({ sources, servers, forwarders }: Protocols, features: readonly Feature[]): ConfigKeys =>
  configKeysOf({
    servers: servers.map(({ keys }) => keys),
    sources: [...sources.map(({ keys }) => keys), ...features.flatMap(({ sources: own = [] }) => own)],
    forwards: forwarders.map(({ keys }) => keys),
    features: features.flatMap(({ keys }) => keys ?? []),
  });

export const KEYS = keysOf(PROTOCOLS, FEATURES);
