import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { operation } from '../../api/schema/schemas.ts';
import { ErrorAnswer } from '../../messages/responses.ts';
import { httpsOrigin } from '../https-origin.ts';
import { mobileProfile, type ShownAuthority } from './mobile-profile.ts';
import { trustPage, trustPolicy } from './trust-page.ts';
import { visitorOf, wordsFor } from './visitor.ts';

export interface TrustLookup {
  /** Undefined until one is created. */
  authority(): ShownAuthority | undefined;
  /** The https port of the page. */
  port(): number | undefined;
  /** Identifies this box. */
  readonly box: string;
}

const HTML = 'text/html';
const CRT = 'application/x-x509-ca-cert';
const PEM = 'application/x-pem-file';
const PROFILE = 'application/x-apple-aspen-config';

/**
 * `/trust`: leads a phone or computer through trusting the own authority. Without a login and before there is an owner: a certificate is
 * public, and without it neither the first password nor a login is encrypted. It shows nothing else of the box.
 */
export const trustRoutes: FastifyPluginAsync<{ trust: TrustLookup }> = async (app, { trust }) => {
  app.addHook('onSend', async ({ headers }, reply) => {
    reply.header('Cache-Control', 'no-store').header('X-Content-Type-Options', 'nosniff');
    reply.header('Content-Security-Policy', trustPolicy(httpsOrigin(headers, trust.port())));
    reply.header('Referrer-Policy', 'no-referrer');
  });
  const page = operation(
    'trust',
    'Guided steps for a phone or computer: trust this box, check that, install the page',
    { 200: Type.String() },
    {
      querystring: Type.Object({ lang: Type.Optional(Type.String()) }),
      produces: { 200: HTML },
    },
  );
  app.get('/trust', { schema: page }, (request, reply) => {
    const { lang } = request.query as { lang?: unknown };
    const { 'accept-language': preferred, 'user-agent': userAgent } = request.headers;
    const words = wordsFor(typeof lang === 'string' ? lang : undefined, preferred);
    const shown = { words, visitor: visitorOf(userAgent), authority: trust.authority(), port: trust.port() };
    return reply.type(`${HTML}; charset=utf-8`).send(trustPage({ ...shown, box: trust.box }));
  });

  const here = operation('trust', 'Probe of the plain http page: does the browser trust https, and is it this box', {
    200: Type.Object({ box: Type.String() }),
  });
  app.get('/trust/here', { schema: here }, (_request, reply) => {
    reply.header('Access-Control-Allow-Origin', '*');
    return { box: trust.box };
  });

  app.get('/trust/perch.crt', { schema: fileOf('DER', CRT) }, (_request, reply) =>
    sendFile(reply, 'perch.crt', CRT, Buffer.from(made(trust).der)),
  );
  app.get('/trust/perch.pem', { schema: fileOf('PEM', PEM) }, (_request, reply) =>
    sendFile(reply, 'perch.pem', PEM, made(trust).pem),
  );
  app.get('/trust/perch.mobileconfig', { schema: fileOf("as a profile for Apple's devices", PROFILE) }, (_, reply) =>
    // Not as an attachment: Safari then hands it to the settings, not to the files.
    reply.type(PROFILE).send(mobileProfile(made(trust))),
  );
};

const fileOf = (form: string, type: string) =>
  operation(
    'trust',
    `Certificate of the box's own authority, ${form}`,
    { 200: Type.String(), 404: ErrorAnswer },
    { produces: { 200: type } },
  );

function sendFile(reply: FastifyReply, name: string, type: string, content: string | Buffer): FastifyReply {
  return reply.type(type).header('Content-Disposition', `attachment; filename="${name}"`).send(content);
}

function made(trust: TrustLookup): ShownAuthority {
  const authority = trust.authority();
  if (!authority) {
    throw new PerchError('notFound', 'the box has no certificate of its own: set tlsAddress');
  }
  return authority;
}
