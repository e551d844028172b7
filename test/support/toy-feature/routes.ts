import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { answers, operation } from '../../../agent/http/api/schema/schemas.ts';

const ToyState = Type.Object({ isOpen: Type.Boolean() });

/** For the owner, on the main port only. */
export function toyRoutes(app: FastifyInstance, isOpen: () => boolean): void {
  const state = operation('box', 'Whether the toy is open', answers(ToyState));
  app.get('/v3/toy', { schema: state }, async () => ({ isOpen: isOpen() }));
}

/** For programs with the right `api`, below `/v3`. */
export function toyNameRoutes(app: FastifyInstance, names: () => readonly string[]): void {
  const list = operation('box', 'Names of cameras with a toy', answers(Type.Array(Type.String())));
  app.get('/toys/list', { schema: list }, async () => names());
}
