import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { MODES } from '../../config/values/modes.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';

const Mode = Type.Enum([...MODES]);
const Status = Type.Object({
  mode: Mode,
  since: OrNull(TimeText),
  by: Type.Enum(['user', 'timetable']),
  hold: Type.Boolean({ description: 'The timetable does not end this mode.' }),
  next: OrNull(Type.Object({ mode: Mode, time: TimeText }, { description: 'Next change of the timetable.' })),
  timeZone: Type.String({ description: 'Time zone of the timetable.' }),
  used: Type.Boolean({ description: 'There is a timetable, or a path with `modes`.' }),
  timeKnown: Type.Boolean({ description: 'False: the box does not know the time, so the mode stays.' }),
  lost: Type.Boolean({
    description: 'The file of the mode could not be read at the start, and the mode has not been set since.',
  }),
});
export type ModeStatus = Static<typeof Status>;
const Body = Type.Object(
  {
    mode: Type.Optional(Mode),
    hold: Type.Optional(
      Type.Boolean({
        description: 'The mode lasts until the next request, otherwise until the next change of the timetable.',
      }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);

export interface ModeControl {
  readonly status: ModeStatus;
  /** @throws PerchError unavailable if it cannot be saved; the mode holds until a restart then */
  set(body: Static<typeof Body>): Promise<ModeStatus>;
}

/** `/mode`. The timetable and the rules of each camera are keys of the configuration. */
export function modeRoutes(app: FastifyInstance, modes: ModeControl): void {
  app.get('/mode', { schema: operation('box', 'The mode: home, away or night', answers(Status)) }, () => modes.status);
  app.post(
    '/mode',
    {
      bodyLimit: 1_024,
      schema: operation('box', 'Set the mode', answers(Status, 400, 413, 503), { body: Body }),
    },
    (request) => modes.set(checkedBody(Body, request.body)),
  );
}
