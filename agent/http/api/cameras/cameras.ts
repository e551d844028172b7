import type { FastifyPluginAsync } from 'fastify';
import type { Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, PageQuery, pageOf } from '../schema/schemas.ts';
import { type AdoptedLookup, adoptedRoutes } from './adopted-cameras.ts';
import {
  AdoptAnswer,
  AdoptBody,
  CheckAnswer,
  CheckRequest,
  DiscoverAnswer,
  DiscoverQuery,
  FoundItem,
  ProbeAnswer,
  ProbeBody,
} from './camera-schemas.ts';

/** 64 cameras with everything that can be said of each. */
const MAX_BODY_BYTES = 256 << 10;
const TAGS = ['cameras'];

/** Finding and adopting cameras. All throw PerchError. */
export interface CameraLookup {
  readonly isScanning: boolean;
  /** Probes the networks; resolves when that is over. */
  discover(): Promise<void>;
  found(): readonly Static<typeof FoundItem>[];
  /** Looks at an address or a range. @throws badInput outside of private networks, exhausted: ranges one at a time */
  probe(body: Static<typeof ProbeBody>): Static<typeof ProbeAnswer>;
  probeJob(id: string): Static<typeof ProbeAnswer> | undefined;
  /** @returns whether there is one of this id */
  endProbe(id: string): boolean;
  check(wish: Static<typeof CheckRequest>): Promise<Static<typeof CheckAnswer>>;
  adopt(body: Static<typeof AdoptBody>): Promise<Static<typeof AdoptAnswer>>;
  readonly adopted: AdoptedLookup;
}

/** `/cameras/…`: the cameras in the networks of the box, and those that it has. */
export const cameraRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, options) => {
  await app.register(findingRoutes, options);
  await app.register(adoptingRoutes, options);
  await app.register(adoptedRoutes, { cameras: options.cameras.adopted });
};

const findingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const discover = {
    summary: 'Look for cameras in the networks of the box',
    description: 'Each that is new is an event `camera` with the state `found`, as it answers.',
    ...{ tags: TAGS, querystring: DiscoverQuery, response: answers(DiscoverAnswer, 400, 413) },
  };
  app.post<{ Querystring: { wait?: unknown } }>(
    '/cameras/discover',
    { bodyLimit: MAX_BODY_BYTES, schema: discover },
    async ({ query }) => {
      const job = cameras.discover();
      if (query.wait === 'yes') {
        await job;
      }
      return { isLooking: cameras.isScanning, items: cameras.found() };
    },
  );

  const found = {
    summary: 'Cameras that have answered or announced themselves',
    ...{ tags: TAGS, querystring: PageQuery, response: answers(pageOf(FoundItem), 400) },
  };
  app.get('/cameras/found', { schema: found }, ({ query }) => paginate([...cameras.found()], query));

  const probe = {
    summary: 'Find out what is at an address, or which cameras are in a range',
    description:
      'Goes on by itself: `GET` of the id tells how far it is, events `camera` with the state `probing` do, too. A range has its cameras in `found`.',
    ...{ tags: TAGS, body: ProbeBody, response: answers(ProbeAnswer, 400, 409, 413, 429) },
  };
  app.post('/cameras/probe', { bodyLimit: MAX_BODY_BYTES, schema: probe }, async ({ body }) =>
    cameras.probe(checkedBody(ProbeBody, body)),
  );
  const get = { summary: 'How far that is', tags: TAGS, params: IdParams, response: answers(ProbeAnswer, 400, 404) };
  app.get('/cameras/probe/:id', { schema: get }, async (request) => {
    const job = cameras.probeJob(idOf(request));
    if (!job) {
      throw noSuchProbe();
    }
    return job;
  });
  const end = { summary: 'Give that up', tags: TAGS, params: IdParams, response: answers(OkAnswer, 400, 404) };
  app.delete('/cameras/probe/:id', { schema: end }, async (request) => {
    if (!cameras.endProbe(idOf(request))) {
      throw noSuchProbe();
    }
    return { status: 'ok' };
  });
};

const noSuchProbe = (): PerchError => new PerchError('notFound', 'nothing is looked at under this id');

const adoptingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const check = {
    summary: 'Try a login at a camera, and read what it is; nothing is changed',
    ...{ tags: TAGS, body: CheckRequest, response: answers(CheckAnswer, 400, 413, 429) },
  };
  app.post('/cameras/check', { bodyLimit: MAX_BODY_BYTES, schema: check }, async ({ body }) =>
    cameras.check(checkedBody(CheckRequest, body)),
  );
  const adopt = {
    summary: 'Adopt cameras: their paths are written into the configuration and started',
    description:
      'One of endpoint, onvif, address and rtsp says which camera. One that fails does not keep the others from it: each has its own answer.',
    ...{ tags: TAGS, body: AdoptBody, response: answers(AdoptAnswer, 400, 413, 429) },
  };
  app.post('/cameras/adopt', { bodyLimit: MAX_BODY_BYTES, schema: adopt }, async ({ body }) =>
    cameras.adopt(checkedBody(AdoptBody, body)),
  );
};
