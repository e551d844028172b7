import type { FastifyPluginAsync } from 'fastify';
import type { Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { OK, OkAnswer } from '../../messages/responses.ts';
import { idOf } from '../schema/names.ts';
import { paginate } from '../schema/paginate.ts';
import { answers, IdParams, operation, PageQuery, pageOf } from '../schema/schemas.ts';
import { type AdoptedLookup, adoptedRoutes } from './adopted-cameras.ts';
import {
  AdoptAnswer,
  AdoptBody,
  AdoptQuery,
  CheckAnswer,
  CheckRequest,
  DiscoverAnswer,
  DiscoverQuery,
  FoundItem,
  HideBody,
  ProbeAnswer,
  ProbeBody,
} from './camera-schemas.ts';

/** 64 cameras with all fields. */
const MAX_BODY_BYTES = 256 << 10;
/** Finding and adopting cameras. All throw PerchError. */
export interface CameraLookup {
  readonly isScanning: boolean;
  /** Probes the networks; resolves when the search has ended. */
  discover(): Promise<void>;
  found(): readonly Static<typeof FoundItem>[];
  /** Hides found cameras on every page of this box, or shows them again. @throws unavailable if the file cannot be written */
  hide(body: Static<typeof HideBody>): Promise<void>;
  /** Probes an address or a range. @throws badInput outside of private networks, exhausted while another range is probed */
  probe(body: Static<typeof ProbeBody>): Static<typeof ProbeAnswer>;
  probeJob(id: string): Static<typeof ProbeAnswer> | undefined;
  /** @returns whether a probe has this id */
  endProbe(id: string): boolean;
  check(request: Static<typeof CheckRequest>): Promise<Static<typeof CheckAnswer>>;
  /** @param waits for results, for a while */
  adopt(body: Static<typeof AdoptBody>, waits: boolean): Promise<Static<typeof AdoptAnswer>>;
  adoption(id: string): Static<typeof AdoptAnswer> | undefined;
  readonly adopted: AdoptedLookup;
}

/** `/cameras/…`: cameras in the networks of this box, and adopted ones. */
export const cameraRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, options) => {
  await app.register(findingRoutes, options);
  await app.register(adoptingRoutes, options);
  await app.register(adoptedRoutes, { cameras: options.cameras.adopted });
};

const findingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const discover = operation(
    'cameras',
    'Search the networks of this box for cameras',
    answers(DiscoverAnswer, 400, 413),
    {
      description: 'Each new camera is sent as an event `camera` with the state `found`.',
      querystring: DiscoverQuery,
    },
  );
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

  const found = operation(
    'cameras',
    'Cameras that have answered or announced themselves',
    answers(pageOf(FoundItem), 400),
    { querystring: PageQuery },
  );
  app.get('/cameras/found', { schema: found }, ({ query }) => paginate([...cameras.found()], query));

  const hide = operation(
    'cameras',
    'Hide found cameras that are not wanted on all pages of this box, or show them again',
    answers(OkAnswer, 400, 413, 503),
    { description: 'At most 500 are kept: those that were hidden first are shown again.', body: HideBody },
  );
  app.post('/cameras/hide', { bodyLimit: MAX_BODY_BYTES, schema: hide }, async ({ body }) => {
    await cameras.hide(checkedBody(HideBody, body));
    return OK;
  });

  const probe = operation(
    'cameras',
    'Probe an address, or search a range for cameras',
    answers(ProbeAnswer, 400, 409, 413, 429),
    {
      description:
        'Runs in the background: `GET` of the id and events `camera` with the state `probing` have the progress. Cameras of a range are listed in `found`.',
      body: ProbeBody,
    },
  );
  app.post('/cameras/probe', { bodyLimit: MAX_BODY_BYTES, schema: probe }, async ({ body }) =>
    cameras.probe(checkedBody(ProbeBody, body)),
  );
  const get = operation('cameras', 'Progress of a probe', answers(ProbeAnswer, 400, 404), { params: IdParams });
  app.get('/cameras/probe/:id', { schema: get }, async (request) => {
    const job = cameras.probeJob(idOf(request));
    if (!job) {
      throw noSuchProbe();
    }
    return job;
  });
  const end = operation('cameras', 'Cancel a probe', answers(OkAnswer, 400, 404), { params: IdParams });
  app.delete('/cameras/probe/:id', { schema: end }, async (request) => {
    if (!cameras.endProbe(idOf(request))) {
      throw noSuchProbe();
    }
    return OK;
  });
};

const noSuchProbe = (): PerchError => new PerchError('notFound', 'probe not found');

const adoptingRoutes: FastifyPluginAsync<{ cameras: CameraLookup }> = async (app, { cameras }) => {
  const check = operation(
    'cameras',
    'Try a login at a camera, and read its description; nothing is changed',
    answers(CheckAnswer, 400, 413, 429),
    { body: CheckRequest },
  );
  app.post('/cameras/check', { bodyLimit: MAX_BODY_BYTES, schema: check }, async ({ body }) =>
    cameras.check(checkedBody(CheckRequest, body)),
  );
  const adopt = operation(
    'cameras',
    'Adopt cameras: their paths are added to the configuration and started',
    answers(AdoptAnswer, 400, 413, 429),
    {
      description:
        'One of endpoint, onvif, address, rtsp and source selects the camera. Each camera has its own result; one that fails or hangs does not affect the others. Items without a result have the status `running`: `GET` of the id has their results, and so have events `camera`.',
      body: AdoptBody,
      querystring: AdoptQuery,
    },
  );
  app.post<{ Querystring: { wait?: unknown } }>(
    '/cameras/adopt',
    { bodyLimit: MAX_BODY_BYTES, schema: adopt },
    async ({ body, query }) => cameras.adopt(checkedBody(AdoptBody, body), query.wait !== 'no'),
  );
  const get = operation('cameras', 'Results of an adoption', answers(AdoptAnswer, 400, 404), { params: IdParams });
  app.get('/cameras/adopt/:id', { schema: get }, async (request) => {
    const adoption = cameras.adoption(idOf(request));
    if (!adoption) {
      throw new PerchError('notFound', 'adoption not found');
    }
    return adoption;
  });
};
