import type { FastifyPluginAsync } from 'fastify';
import type { Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { pathName } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, operation, PageQuery, PathName, pageOf } from '../schema/schemas.ts';
import { CameraItem, CameraOrder, CameraPatch, LoginAnswer, NewLogin } from './camera-schemas.ts';

/** Adopted cameras. All throw PerchError: notFound if no camera has this path, unavailable if the file cannot be written. */
export interface AdoptedLookup {
  /** The cameras in the owner's order. */
  list(): readonly Static<typeof CameraItem>[];
  /** Reads the camera's description again. */
  read(path: string): Promise<Static<typeof CameraItem>>;
  /** Changes its title, or pauses it. @throws badInput */
  patch(path: string, body: Static<typeof CameraPatch>): Promise<Static<typeof CameraItem>>;
  /** Tries a login, and saves it when the camera accepts it. */
  login(path: string, login: Static<typeof NewLogin>): Promise<Static<typeof LoginAnswer>>;
  /** Puts these cameras first; the others follow in their former order. */
  order(paths: readonly string[]): Promise<void>;
  /** Removes the camera's paths from the configuration; its recordings stay. */
  forget(path: string): Promise<void>;
  /** Restores a removed camera unchanged. @throws badInput if another camera has its path */
  restore(path: string): Promise<Static<typeof CameraItem>>;
  /** A JPEG that the camera made. @throws unsupported, unavailable */
  snapshot(path: string): Promise<Uint8Array>;
}

interface Options {
  readonly cameras: AdoptedLookup;
}

export const adoptedRoutes: FastifyPluginAsync<Options> = async (app, options) => {
  await app.register(showingRoutes, options);
  await app.register(changingRoutes, options);
};

const about = (summary: string, ...failures: number[]) =>
  operation('cameras', summary, answers(CameraItem, 400, 404, ...failures), { params: PathName });

const showingRoutes: FastifyPluginAsync<Options> = async (app, { cameras }) => {
  const list = operation(
    'cameras',
    "Adopted cameras in the owner's order, with their state and description",
    answers(pageOf(CameraItem), 400),
    { querystring: PageQuery },
  );
  app.get('/cameras/list', { schema: list }, ({ query }) => paginate([...cameras.list()], query));
  app.get('/cameras/get/*', { schema: about('One adopted camera') }, async (request) => {
    const name = pathName(request);
    const camera = cameras.list().find(({ path }) => path === name);
    if (!camera) {
      throw new PerchError('notFound', 'no camera has this path', { path: name });
    }
    return camera;
  });
  const read = about('Read the description of a camera again', 413, 429, 501, 503, 504);
  app.post('/cameras/read/*', { schema: read }, (request) => cameras.read(pathName(request)));
  const snapshot = operation(
    'cameras',
    'A current picture, made by the camera',
    answers({ type: 'string', format: 'binary' } as never, 400, 404, 409, 501, 503, 504),
    { params: PathName, produces: { 200: 'image/jpeg' } },
  );
  app.get('/cameras/snapshot/*', { schema: snapshot }, async (request, reply) => {
    const picture = await cameras.snapshot(pathName(request));
    return reply.type('image/jpeg').send(Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength));
  });
};

const changingRoutes: FastifyPluginAsync<Options> = async (app, { cameras }) => {
  // Room for the paths of a thousand cameras.
  const bodyLimit = 256 << 10;
  const patch = { ...about('Change the title of a camera; pause or resume it', 413, 503), body: CameraPatch };
  app.patch('/cameras/patch/*', { bodyLimit, schema: patch }, (request) =>
    cameras.patch(pathName(request), checkedBody(CameraPatch, request.body)),
  );
  const login = operation(
    'cameras',
    'Change the login of a camera: it is tried first, and saved for all paths of the device when the camera accepts it',
    answers(LoginAnswer, 400, 404, 413, 429, 503),
    { params: PathName, body: NewLogin },
  );
  app.post('/cameras/login/*', { bodyLimit, schema: login }, (request) =>
    cameras.login(pathName(request), checkedBody(NewLogin, request.body)),
  );
  const order = operation(
    'cameras',
    'Set the order of cameras: these first, the others follow in their former order',
    answers(OkAnswer, 400, 404, 413, 503),
    { body: CameraOrder },
  );
  app.post('/cameras/order', { bodyLimit, schema: order }, async ({ body }) => {
    await cameras.order(checkedBody(CameraOrder, body).paths);
    return OK;
  });
  const forget = operation(
    'cameras',
    'Remove a camera from the configuration; its recordings stay',
    answers(OkAnswer, 400, 404, 503),
    { params: PathName },
  );
  app.delete('/cameras/forget/*', { schema: forget }, async (request) => {
    await cameras.forget(pathName(request));
    return OK;
  });
  app.post('/cameras/restore/*', { schema: about('Restore a removed camera unchanged', 503) }, (request) =>
    cameras.restore(pathName(request)),
  );
};
