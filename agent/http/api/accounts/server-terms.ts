import Type, { type Static } from 'typebox';
import type { ServerRights } from '../../../auth/pairing/paired-servers.ts';
import { PerchError } from '../../../base/errors.ts';
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
