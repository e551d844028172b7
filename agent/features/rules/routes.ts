import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { pathName } from '../../http/api/schema/names.ts';
import { answers, OrNull, operation, TimeText } from '../../http/api/schema/schemas.ts';
import { OK, OkAnswer } from '../../http/messages/responses.ts';

const Result = Type.Object({
  action: Type.Enum(['preset', 'output', 'record', 'run', 'url']),
  path: OrNull(Type.String({ description: 'Of the camera.' })),
  problem: OrNull(
    Type.String({ description: 'What went wrong, in a sentence. null: nothing, or it is still at work.' }),
  ),
});
export interface RuleResult extends Omit<Static<typeof Result>, 'problem'> {
  problem: string | null;
}
const Item = Type.Object({
  name: Type.String(),
  hasEvent: Type.Boolean({ description: 'False: it runs only when a person or a program asks for it.' }),
  last: OrNull(
    Type.Object(
      {
        time: TimeText,
        by: Type.Enum(['event', 'request', 'button']),
        user: OrNull(Type.String({ description: 'Who has asked for it.' })),
        event: OrNull(Type.Object({ id: Type.String(), path: Type.String(), type: Type.String() })),
        results: Type.Array(Result, { description: 'One for each action.' }),
      },
      { description: 'Its last run since the start of Perch.' },
    ),
  ),
  runningUntil: OrNull(Type.String({ description: 'RFC 3339. null: nothing of it lasts.' })),
  problems: Type.Array(Type.String({ description: 'Why it cannot run, or do all that it should.' })),
});
export type RuleItem = Static<typeof Item>;
const List = Type.Object({ items: Type.Array(Item) });
const RunAnswer = Type.Object({ results: Type.Array(Result, { description: 'One for each action.' }) });
const RuleName = Type.Object({ '*': Type.String({ description: 'Name of the rule.' }) });

export interface RuleControl {
  list(): readonly RuleItem[];
  /** Runs a rule now, whatever its event, modes and hours. @throws PerchError notFound, exhausted */
  run(name: string, asker: Asker): Promise<readonly RuleResult[]>;
  /** Ends what the last run of a rule does: presets, outputs, recordings. @throws PerchError notFound */
  stop(name: string): void;
}

/** Who sends a request. */
export interface Asker {
  /** Empty: nobody has logged in. */
  readonly user: string;
  /** Whether it is a person on the page, and no program. */
  readonly isPerson: boolean;
}

/** `/rules/…`. The rules themselves are a key of the configuration. */
export function ruleRoutes(
  app: FastifyInstance,
  rules: RuleControl,
  askerOf: (request: FastifyRequest) => Asker,
): void {
  const list = operation('box', 'Rules between cameras, with their last runs', answers(List));
  app.get('/rules/list', { schema: list }, async () => ({ items: rules.list() }));
  const run = operation(
    'box',
    'Run a rule now, whatever its event, modes and hours',
    answers(RunAnswer, 400, 404, 429),
    {
      params: RuleName,
    },
  );
  app.post('/rules/run/*', { bodyLimit: 1_024, schema: run }, async (request) => ({
    results: await rules.run(pathName(request), askerOf(request)),
  }));
  const stop = operation(
    'box',
    'End what a rule does now: its presets, outputs and recordings',
    answers(OkAnswer, 400, 404),
    { params: RuleName },
  );
  app.post('/rules/stop/*', { bodyLimit: 1_024, schema: stop }, async (request) => {
    rules.stop(pathName(request));
    return OK;
  });
}
