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

/** 64 cameras with all fields. */
const MAX_BODY_BYTES = 256 << 10;
const TAGS = ['cameras'];

/** Finding and adopting cameras. All throw PerchError. */
export interface CameraLookup {
  readonly isScanning: boolean;
  /** Probes the networks; resolves when the search has ended. */
  discover(): Promise<void>;
  found(): readonly Static<typeof FoundItem>[];
  /** Probes an address or a range. @throws badInput outside of private networks, exhausted while another range is probed */
  probe(body: Static<typeof ProbeBody>): Static<typeof ProbeAnswer>;
  probeJob(id: string): Static<typeof ProbeAnswer> | undefined;
  /** @returns whether a probe has this id */
  endProbe(id: string): boolean;
  check(wish: Static<typeof CheckRequest>): Promise<Static<typeof CheckAnswer>>;
  adopt(body: Static<typeof AdoptBody>): Promise<Static<typeof AdoptAnswer>>;
  readonly adopted: AdoptedLookup;
}

/** `/cameras/…`: cameras in the networks of this device, and adopted ones. */
export const cameraRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, options) => {
  await app.register(findingRoutes, options);
  await app.register(adoptingRoutes, options);
  await app.register(adoptedRoutes, { cameras: options.cameras.adopted });
};

const findingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const discover = {
    summary: 'Search the networks of this device for cameras',
    description: 'Each new camera is sent as an event `camera` with the state `found`.',
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
    summary: 'Probe an address, or search a range for cameras',
    description:
      'Runs in the background: `GET` of the id and events `camera` with the state `probing` have the progress. Cameras of a range are listed in `found`.',
    ...{ tags: TAGS, body: ProbeBody, response: answers(ProbeAnswer, 400, 409, 413, 429) },
  };
  app.post('/cameras/probe', { bodyLimit: MAX_BODY_BYTES, schema: probe }, async ({ body }) =>
    cameras.probe(checkedBody(ProbeBody, body)),
  );
  const get = {
    summary: 'Progress of a probe',
    tags: TAGS,
    params: IdParams,
    response: answers(ProbeAnswer, 400, 404),
  };
  app.get('/cameras/probe/:id', { schema: get }, async (request) => {
    const job = cameras.probeJob(idOf(request));
    if (!job) {
      throw noSuchProbe();
    }
    return job;
  });
  const end = { summary: 'Cancel a probe', tags: TAGS, params: IdParams, response: answers(OkAnswer, 400, 404) };
  app.delete('/cameras/probe/:id', { schema: end }, async (request) => {
    if (!cameras.endProbe(idOf(request))) {
      throw noSuchProbe();
    }
    return { status: 'ok' };
  });
};

const noSuchProbe = (): PerchError => new PerchError('notFound', 'probe not found');

const adoptingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const check = {
    summary: 'Try a login at a camera, and read its description; nothing is changed',
    ...{ tags: TAGS, body: CheckRequest, response: answers(CheckAnswer, 400, 413, 429) },
  };
  app.post('/cameras/check', { bodyLimit: MAX_BODY_BYTES, schema: check }, async ({ body }) =>
    cameras.check(checkedBody(CheckRequest, body)),
  );
  const adopt = {
    summary: 'Adopt cameras: their paths are added to the configuration and started',
    description:
      'One of endpoint, onvif, address and rtsp selects the camera. Each camera has its own result; one that fails does not affect the others.',
    ...{ tags: TAGS, body: AdoptBody, response: answers(AdoptAnswer, 400, 413, 429) },
  };
  app.post('/cameras/adopt', { bodyLimit: MAX_BODY_BYTES, schema: adopt }, async ({ body }) =>
    cameras.adopt(checkedBody(AdoptBody, body)),
  );
};
