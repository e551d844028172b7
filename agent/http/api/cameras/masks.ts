import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { checkedBody } from '../../messages/checked-body.ts';
import { pathName } from '../schema/names.ts';
import { answers, operation, PathName } from '../schema/schemas.ts';

const FAILURES = [400, 404, 413, 501, 503, 504];

const Share = Type.Number({ minimum: 0, maximum: 1 });
const Points = Type.Array(Type.Array(Share, { minItems: 2, maxItems: 2 }), {
  minItems: 3,
  maxItems: 64,
  description: '`[x, y]`: shares of width and height, from the upper left corner.',
});
const Token = Type.String({ minLength: 1, maxLength: 256 });
const Masks = Type.Object({
  maxMasks: Type.Integer({ description: '0: the camera has none.' }),
  maxPoints: Type.Integer(),
  rectangleOnly: Type.Boolean(),
  masks: Type.Array(
    Type.Object({ token: Type.String(), points: Type.Array(Type.Array(Type.Number())), enabled: Type.Boolean() }),
  ),
});
const NewMask = Type.Object({ token: Type.Optional(Token), points: Points }, { additionalProperties: false });
const Removal = Type.Object({ token: Token }, { additionalProperties: false });

/** Areas that a camera covers. All reject with PerchError: notFound for a path without a camera; changes unsupported without masks. */
export interface CameraMasks {
  get(path: string): Promise<Static<typeof Masks>>;
  set(path: string, mask: Static<typeof NewMask>): Promise<Static<typeof Masks>>;
  remove(path: string, token: string): Promise<Static<typeof Masks>>;
}

/** `/cameras/masks/…`, `/cameras/removemask/…`. */
export const maskRoutes: FastifyPluginAsync<{ masks: CameraMasks }> = async (app, { masks }) => {
  const about = (summary: string, request: object = {}) =>
    operation('cameras', summary, answers(Masks, ...FAILURES), { params: PathName, ...request });
  app.get('/cameras/masks/*', { schema: about('Privacy masks of a camera, and what it takes') }, (request) =>
    masks.get(pathName(request)),
  );
  const bodyLimit = 16_384;
  app.post(
    '/cameras/masks/*',
    { bodyLimit, schema: about('Create or move a privacy mask', { body: NewMask }) },
    (request) => masks.set(pathName(request), checkedBody(NewMask, request.body)),
  );
  app.post(
    '/cameras/removemask/*',
    { bodyLimit, schema: about('Remove a privacy mask', { body: Removal }) },
    (request) => masks.remove(pathName(request), checkedBody(Removal, request.body).token),
  );
};
