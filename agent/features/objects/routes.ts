import type { FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';
import { LABEL_TYPES } from '../../base/event-kinds.ts';
import { answers, OrNull, operation } from '../../http/api/schema/schemas.ts';

const Status = Type.Object({
  state: Type.Enum(['off', 'missing', 'fetching', 'testing', 'ready', 'tooSlow', 'tooLittleMemory', 'failed'], {
    description:
      'off: no path has `objects`. missing: there is no model, and none can be fetched. tooSlow: a picture takes more than 2 s.',
  }),
  reason: OrNull(Type.String()),
  progress: OrNull(Type.Number({ description: 'With fetching: share of the model, 0 to 1.' })),
  model: Type.String({ description: 'Name of the model, or the address of the server. Empty: not known yet.' }),
  pictureMs: OrNull(Type.Number({ description: 'Time for one picture in milliseconds, in the test of this box.' })),
  memoryMb: OrNull(Type.Number({ description: 'Memory of the model in MB, in the test of this box.' })),
  cameras: Type.Array(
    Type.Object({
      name: Type.String({ description: 'Name of the path.' }),
      objects: Type.Array(Type.Enum([...LABEL_TYPES])),
      by: Type.Enum(['box', 'camera'], {
        description: 'camera: it names these objects itself, and the box does not look.',
      }),
    }),
  ),
});
export type ObjectsStatus = Static<typeof Status>;

export interface ObjectsControl {
  readonly status: ObjectsStatus;
  /** Begins again after `missing`, `failed`, `tooSlow` or `tooLittleMemory`. */
  retry(): void;
}

export function objectsRoutes(app: FastifyInstance, objects: ObjectsControl): void {
  const schema = operation('cameras', 'Whether the box looks for persons, vehicles and animals', answers(Status));
  app.get('/objects', { schema }, () => objects.status);
}

export function retryRoutes(app: FastifyInstance, objects: ObjectsControl): void {
  const schema = operation('cameras', 'Looks for a model again, and tests the box again', answers(Status));
  app.post('/v3/objects/retry', { schema }, () => {
    objects.retry();
    return objects.status;
  });
}
