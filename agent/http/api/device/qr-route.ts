import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { encode } from 'uqr';
import type { HttpAccess } from '../../auth/access.ts';
import { checkedBody } from '../../messages/checked-body.ts';
import { noStore } from '../../messages/responses.ts';
import { answers, operation } from '../schema/schemas.ts';

/** ISO/IEC 18004 §6.3.8: the quiet zone of each side. */
const QUIET_SQUARES = 4;

const TextBody = Type.Object(
  // In UTF-8 they fit in a code with 15 % correction: 2,331 bytes.
  { text: Type.String({ minLength: 1, maxLength: 750 }) },
  { additionalProperties: false },
);
const QrCode = Type.Object({
  size: Type.Integer({ description: 'Squares of one side, with the quiet zone of four.' }),
  path: Type.String({ description: 'Dark squares as `d` of an SVG path; a square is one unit.' }),
});

/** `POST /v3/qr`, for the owner, on the main port only. */
export const qrRoute: FastifyPluginAsync<{ readonly access: Pick<HttpAccess, 'require'> }> = async (
  app,
  { access },
) => {
  // The text may be the secret of an authenticator app.
  noStore(app);
  app.addHook('onRequest', (request: FastifyRequest) => access.require(request, 'admin', ''));
  const schema = operation('box', 'A text as a QR code', answers(QrCode, 400), { body: TextBody });
  app.post('/v3/qr', { schema }, async ({ body }) => {
    const { data, size } = encode(checkedBody(TextBody, body).text, { ecc: 'M', border: QUIET_SQUARES });
    const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
    return { size, path };
  });
};
