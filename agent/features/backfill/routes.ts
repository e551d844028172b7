import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { pathName } from '../../http/api/schema/names.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { OK, OkAnswer } from '../../http/messages/responses.ts';
import { OBSTACLES, type Obstacle } from './obstacles.ts';

const Fetching = Type.Object({
  from: TimeText,
  until: TimeText,
  share: Type.Number({ description: 'How much of the gap has come, 0 to 1.' }),
});
const Item = Type.Object({
  path: Type.String(),
  card: OrNull(
    Type.Object(
      { from: OrNull(TimeText), until: OrNull(TimeText), recordings: Type.Integer() },
      {
        description:
          'What the card of the camera holds, by the clock of the camera. Null: it has none, or that is not known.',
      },
    ),
  ),
  state: Type.Enum(['unknown', 'noCard', 'off', 'idle', 'waiting', 'fetching'], {
    description:
      'unknown: its gaps are not known yet. off: `backfill: no`. waiting: there are gaps, which are fetched later. noCard: the camera has no ONVIF Profile G.',
  }),
  gaps: Type.Integer({ description: 'Gaps that are to be filled.' }),
  fetching: OrNull(Fetching),
  waitsFor: OrNull(
    Type.Enum([...(Object.keys(OBSTACLES) as Obstacle[]), 'turn'], {
      description:
        'Why nothing is fetched now. notBack: the camera has been back for less than a minute. turn: another camera is read.',
    }),
  ),
  retryTime: OrNull(
    Type.String({
      description:
        'RFC 3339. When the card is asked again after a failure, or after the live stream ended while it was read.',
    }),
  ),
  linkBytesPerSecond: OrNull(
    Type.Number({ description: "What the camera's link carried at the last replay, with `backfillMaxRate: auto`." }),
  ),
  fetchedSeconds: Type.Number({ description: 'Seconds fetched since Perch started.' }),
  tooLarge: Type.Integer({
    description: 'Groups of pictures above 32 MB, which were left out since Perch started.',
  }),
  unfilled: Type.Object(
    {
      notOnCard: Type.Integer({ description: 'The card has nothing of them, or only a part.' }),
      inDoubt: Type.Integer({ description: 'It is not certain what the card has of them.' }),
    },
    { description: 'Gaps that were given up. `/v3/backfill/retry` asks for them again.' },
  ),
  error: OrNull(Type.String({ description: 'Why the last attempt has failed.' })),
});
export const BackfillList = Type.Object({ items: Type.Array(Item) });
export type BackfillList = Static<typeof BackfillList>;
export type BackfillItem = Static<typeof Item>;

interface BackfillControl {
  list(): BackfillList;
  /** Asks the card of a path again now. @throws PerchError notFound */
  retry(path: string): Promise<void>;
}

const PathName = Type.Object({ '*': Type.String({ description: 'Name of the path.' }) });

export function backfillRoutes(app: FastifyInstance, backfill: BackfillControl): void {
  const list = operation(
    'recordings',
    'Cards of cameras, and the gaps that are filled from them',
    answers(BackfillList),
  );
  app.get('/backfill/list', { schema: list }, async () => backfill.list());
  const retry = operation(
    'recordings',
    'Ask the card of a camera again now, also for gaps of which it had nothing',
    answers(OkAnswer, 400, 404),
    { params: PathName },
  );
  app.post('/backfill/retry/*', { bodyLimit: 1_024, schema: retry }, async (request) => {
    await backfill.retry(pathName(request));
    return OK;
  });
}
