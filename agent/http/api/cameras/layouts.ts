import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { pathName } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, operation, PageQuery, pageOf } from '../schema/schemas.ts';
import { maySee, type Viewer } from '../schema/visibility.ts';

export const MAX_LAYOUT_CAMERAS = 64;
export const MAX_LAYOUT_NAME_CHARS = 64;

const Kind = Type.Enum(['group', 'wall'], {
  description: 'group: cameras of a room or floor. wall: what one screen shows.',
});
const Size = Type.Enum(['small', 'large'], { description: 'large: four times the size. Groups show all at one size.' });
const Name = Type.String({ minLength: 1, maxLength: MAX_LAYOUT_NAME_CHARS });
const Cameras = Type.Array(
  Type.Object({ path: Type.String({ minLength: 1 }), size: Type.Optional(Size) }, { additionalProperties: false }),
  { minItems: 1, maxItems: MAX_LAYOUT_CAMERAS, description: 'In order; each path once.' },
);
const LayoutBody = Type.Object({ kind: Kind, cameras: Cameras }, { additionalProperties: false });
const LayoutPatch = Type.Object(
  { name: Type.Optional(Name), cameras: Type.Optional(Cameras) },
  { additionalProperties: false, minProperties: 1 },
);
const LayoutOrder = Type.Object({ names: Type.Array(Name, { maxItems: 64 }) }, { additionalProperties: false });
const LayoutItem = Type.Object({
  name: Type.String(),
  kind: Kind,
  cameras: Type.Array(Type.Object({ path: Type.String(), size: Size })),
  formerNames: Type.Array(Type.String(), {
    description: 'Former names, which open this layout until another layout has the name.',
  }),
});
const LayoutName = Type.Object({ '*': Type.String({ description: 'Name of the layout.' }) });

export type Layout = Static<typeof LayoutItem>;
export type LayoutBody = Static<typeof LayoutBody>;
export type LayoutPatch = Static<typeof LayoutPatch>;

/** All changes reject with PerchError: badInput for an invalid name or path, unavailable if the file cannot be written. */
export interface LayoutStore {
  /** Whether the path is configured or active. */
  isKnown(path: string): boolean;
  /** The layouts in the owner's order. */
  list(): Promise<readonly Layout[]>;
  /** Creates or replaces a layout. @throws exhausted if there are too many */
  replace(name: string, body: LayoutBody): Promise<Layout>;
  /** @throws notFound, badInput with `isTaken` if another layout has the new name */
  patch(name: string, body: LayoutPatch): Promise<Layout>;
  /** @throws notFound */
  delete(name: string): Promise<void>;
  /** Puts these layouts first; the others follow in their former order. @throws notFound */
  order(names: readonly string[]): Promise<void>;
}

interface LayoutRoutesOptions {
  readonly layouts: LayoutStore;
  /** The requesting viewer or guest, or undefined for a client with `api` permission. */
  viewerOf(request: FastifyRequest): Viewer | undefined;
}

/** The layout that has this name, else the one that had it. */
export const layoutNamed = (name: string, all: readonly Layout[]): Layout | undefined =>
  all.find((one) => one.name === name) ?? all.find(({ formerNames }) => formerNames.includes(name));

/** `/layouts/…` */
export const layoutRoutes: FastifyPluginAsync<LayoutRoutesOptions> = async (app, { layouts, viewerOf }) => {
  /** Layouts without cameras that no longer exist. Viewers get only their own cameras, and no layout without any. */
  const shownTo = (viewer: Viewer | undefined, all: readonly Layout[]): Layout[] =>
    all
      .map((layout) => ({
        ...layout,
        cameras: layout.cameras.filter(({ path }) => layouts.isKnown(path) && (!viewer || maySee(viewer, path))),
      }))
      .filter(({ cameras }) => !viewer || cameras.length > 0);
  const listed = async (request: FastifyRequest) => shownTo(viewerOf(request), await layouts.list());

  const list = operation(
    'cameras',
    'Layouts: groups of cameras, and walls, with the cameras that the client may see',
    answers(pageOf(LayoutItem), 400, 503),
    { querystring: PageQuery },
  );
  app.get('/layouts/list', { schema: list }, async (request) => paginate(await listed(request), request.query));

  const about = (summary: string, answer: typeof LayoutItem | typeof OkAnswer, ...failures: number[]) =>
    operation('cameras', summary, answers(answer, 400, 503, ...failures), { params: LayoutName });
  app.get('/layouts/get/*', { schema: about('One layout', LayoutItem, 404) }, async (request) => {
    const name = pathName(request);
    const layout = layoutNamed(name, await listed(request));
    if (!layout) {
      throw new PerchError('notFound', 'no layout has this name', { name });
    }
    return layout;
  });

  // Room for 64 cameras with long names.
  const bodyLimit = 64 << 10;
  const replace = { ...about('Create or replace a layout', LayoutItem, 413, 507), body: LayoutBody };
  app.post('/layouts/replace/*', { bodyLimit, schema: replace }, (request) =>
    layouts.replace(pathName(request), checkedBody(LayoutBody, request.body)),
  );
  const patch = { ...about('Rename a layout, or change its cameras', LayoutItem, 404, 409, 413), body: LayoutPatch };
  app.patch('/layouts/patch/*', { bodyLimit, schema: patch }, (request) =>
    layouts.patch(pathName(request), checkedBody(LayoutPatch, request.body)),
  );
  app.delete('/layouts/delete/*', { schema: about('Delete a layout', OkAnswer, 404) }, async (request) => {
    await layouts.delete(pathName(request));
    return OK;
  });
  const order = operation(
    'cameras',
    'Set the order of layouts: these first, the others follow in their former order',
    answers(OkAnswer, 400, 404, 413, 503),
    { body: LayoutOrder },
  );
  app.post('/layouts/order', { bodyLimit, schema: order }, async ({ body }) => {
    await layouts.order(checkedBody(LayoutOrder, body).names);
    return OK;
  });
};
