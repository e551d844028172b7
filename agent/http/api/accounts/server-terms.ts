import Type, { type Static } from 'typebox';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
import { type Config, resolvePath } from '../../../config/load/load.ts';
import { isCatchAll } from '../../../config/values/path-name.ts';
import { CamerasChoice } from './people-routes.ts';

/** What a paired server may do, as the owner of the box grants it. */
export const ServerTerms = Type.Object(
  {
    cameras: Type.Optional(CamerasChoice),
    live: Type.Optional(Type.Boolean({ description: 'Shows live video; default true.' })),
    recordings: Type.Optional(Type.Boolean({ description: 'Finds and plays recordings; default true.' })),
    talk: Type.Optional(
      Type.Boolean({ description: 'Talks through loudspeakers of cameras; needs `live`, default false.' }),
    ),
    turn: Type.Optional(
      Type.Boolean({ description: 'Uses pan, tilt, zoom and presets of cameras; needs `live`, default false.' }),
    ),
    switch: Type.Optional(
      Type.Boolean({ description: 'Switches lights, sirens and relays of cameras; needs `live`, default false.' }),
    ),
    settings: Type.Optional(
      Type.Boolean({ description: 'Reads and changes permitted settings of cameras; default false.' }),
    ),
    fleet: Type.Optional(
      Type.Boolean({
        description:
          'Hands this box a credential of its fleet, whose bus gets events of all cameras. Default false, with `/v3/away/servers` true if `cameras` is `all` and `recordings` is true.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** The rights of a new pairing. @throws PerchError badInput */
export function rightsIn({ cameras = 'all', live = true, recordings = true, ...more }: Static<typeof ServerTerms>) {
  checkServerRights({ live, recordings });
  return { cameras, live, recordings, ...more } satisfies ServerRights;
}

/** @throws PerchError badInput */
export function checkServerRights({ live, recordings }: Pick<ServerRights, 'live' | 'recordings'>): void {
  if (!live && !recordings) {
    throw new PerchError('badInput', 'a server needs at least one of live and recordings');
  }
}

/** The cameras of this box. */
export interface KnownCameras {
  settings(): Config;
  readonly paths: { list(): readonly { readonly name: string }[] };
}

/**
 * A name that only a catch-all of the configuration has is known while it is published.
 * @param granted names that the pairing has already: their cameras may have been removed since
 * @throws PerchError badInput for a name that no camera of this box has
 */
export function checkCameras(
  cameras: ServerRights['cameras'] | undefined,
  { settings, paths }: KnownCameras,
  granted: ServerRights['cameras'] = [],
): void {
  if (cameras === undefined || cameras === 'all') {
    return;
  }
  const names = paths.list().map(({ name }) => name);
  const known = new Set(granted === 'all' ? names : [...names, ...granted]);
  const isConfigured = (name: string): boolean => {
    const entry = resolvePath(settings(), name);
    return entry !== undefined && !isCatchAll(entry.name);
  };
  const unknown = cameras.filter((name) => !known.has(name) && !isConfigured(name));
  if (unknown.length > 0) {
    throw new PerchError('badInput', `this box has no camera ${listed(unknown)}: ${knownText(names)}`, {
      why: 'unknownCamera',
    });
  }
}

const knownText = (names: readonly string[]): string =>
  names.length === 0 ? 'it has none' : `it has ${listed(names.toSorted())}`;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `'${name.slice(0, 64)}'`);
  const rest = names.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
