import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { paginate } from '../schema/paginate.ts';
import { answers, OrNull, operation, PageQuery, pageOf, TimeText } from '../schema/schemas.ts';

/** Features add their names. */
const KINDS: readonly string[] = [
  ...['configuration', 'clock', 'power', 'fan', 'memory', 'drive', 'disk', 'path', 'recording'],
];

const ProblemItem = Type.Object({
  kind: Type.String(),
  name: OrNull(
    Type.String({
      description:
        'Name of the key (`configuration`), drive, folder (`disk`), other box or path with the problem. Null: this box.',
    }),
  ),
  why: OrNull(
    Type.String({
      description:
        'The problem in one word. `configuration`: notSaved (the file cannot be written: changes are in effect until the next start), damaged (a file of the data folder, which is put aside). `power`: underVoltage, slowed, hot. `fan`: fan. `memory`: swap. `drive`: failing, worn. `disk`: its state in /v3/disks, or temporary (the data folder is deleted with the container). Of a feature: `why` of its state, such as /v3/mqtt. `modes`: damaged (the mode that was set is lost). `motion`: noBlocks, unreadable. `box` (whose cameras this one shows): clock, refused, notShared (the path plays a camera that is not in the pairing). `path`: `lastErrorWhy`, or leftOut (a track that does not deliver). `recording`: its `why`.',
    }),
  ),
  text: Type.String({ description: 'Description of the problem, for people.' }),
  since: OrNull(TimeText),
});
export type ProblemItem = Static<typeof ProblemItem>;

export interface ProblemLookup {
  problems(): Promise<readonly ProblemItem[]>;
}

/** `/problems/list`: the present problems of box, disks and paths in one list, for monitoring. */
export const problemRoutes: FastifyPluginAsync<{
  readonly box: ProblemLookup;
  readonly problemKinds: readonly string[];
}> = async (app, { box, problemKinds }) => {
  const kind = Type.Enum([...KINDS, ...problemKinds]);
  const list = operation(
    'box',
    'Present problems of this box, its disks and its paths; empty: all is well',
    answers(pageOf(Type.Object({ ...ProblemItem.properties, kind })), 400),
    { querystring: PageQuery },
  );
  app.get('/problems/list', { schema: list }, async ({ query }) => paginate(await box.problems(), query));
};
