import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { answers, OrNull, operation } from '../../http/api/schema/schemas.ts';
import { checkedBody } from '../../http/messages/checked-body.ts';
import { noStore } from '../../http/messages/responses.ts';
import {
  ImportForecast,
  TransferForecast,
  type TransferKind,
  TransferState,
} from '../../recordings/copy/transfer-kind.ts';
import { listFolders } from './run/folders.ts';
import { Folders, RecorderTargets, type TransferRequest } from './run/requests.ts';
import type { Transfers } from './transfers.ts';

export type { FolderList, ImportRequest, RecorderRequest, RecorderTargets } from './run/requests.ts';

const MAX_BODY_BYTES = 16_384;

/** Transfers of recordings from other disks, folders and boxes: for the owner, on the main port only. */
export function transferRoutes(
  app: FastifyInstance,
  transfers: Transfers,
  kinds: readonly TransferKind[],
  recorders: () => RecorderTargets,
): void {
  noStore(app);
  const Request = Type.Union(kinds.map(({ request }) => request));
  const Look = Type.Union(kinds.flatMap((one) => one.look ?? []));
  const kind = OrNull(Type.Enum(kinds.map((one) => one.kind)));
  const State = Type.Object({ ...TransferState.properties, kind });
  const state = operation('recordings', 'The transfer of recordings, for the owner', answers(State));
  app.get('/v3/recordings/transfer', { schema: state }, async () => (await transfers.runner()).state);
  const start = operation(
    'recordings',
    'Move recordings to another disk, import those of another program or of an ONVIF recorder, or fetch those of a paired box, while recording continues, for the owner',
    answers(State, 400, 404, 409, 413, 503, 504),
    { body: Request },
  );
  app.post('/v3/recordings/transfer', { bodyLimit: MAX_BODY_BYTES, schema: start }, async ({ body }) => {
    const runner = await transfers.runner();
    await runner.start(checkedBody(Request, body) as TransferRequest);
    return runner.state;
  });
  const foresee = operation(
    'recordings',
    'What a transfer would do, for the owner',
    answers(TransferForecast, 400, 404, 413, 503, 504),
    {
      body: Request,
    },
  );
  app.post('/v3/recordings/transfer/foresee', { bodyLimit: MAX_BODY_BYTES, schema: foresee }, async ({ body }) =>
    (await transfers.runner()).forecast(checkedBody(Request, body) as TransferRequest),
  );
  const look = operation(
    'recordings',
    'What a folder, a paired box or an ONVIF recorder has, by camera, for the owner',
    answers(ImportForecast, 400, 404, 413, 503, 504),
    { body: Look },
  );
  app.post('/v3/recordings/transfer/look', { bodyLimit: MAX_BODY_BYTES, schema: look }, async ({ body }) =>
    (await transfers.runner()).look(checkedBody(Look, body) as object),
  );
  const steps = { pause: 'Pause', resume: 'Continue', cancel: 'End' } as const;
  for (const step of ['pause', 'resume', 'cancel'] as const) {
    const text = `${steps[step]} the transfer of recordings; the present file is finished or stays, for the owner`;
    app.post(
      `/v3/recordings/transfer/${step}`,
      { bodyLimit: MAX_BODY_BYTES, schema: operation('recordings', text, answers(State, 409)) },
      async () => {
        const runner = await transfers.runner();
        await runner[step]();
        return runner.state;
      },
    );
  }
  const targets = operation(
    'recordings',
    'Cameras of this Perch whose cards may have recordings, for the owner',
    answers(RecorderTargets),
  );
  app.get('/v3/recordings/transfer/recorders', { schema: targets }, async () => recorders());
  const folders = operation(
    'recordings',
    'Folders below a folder of the box, for the owner',
    answers(Folders, 400, 404),
    {
      querystring: Type.Object({ path: Type.String() }),
    },
  );
  app.get<{ Querystring: { path?: unknown } }>('/v3/disks/folders', { schema: folders }, ({ query }) =>
    listFolders(typeof query.path === 'string' ? query.path : ''),
  );
}
