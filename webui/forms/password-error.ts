import { RequestError } from '../api-client/request.ts';
import { words } from '../words/words.ts';
import { FieldError } from './form.ts';

/** A rejected present password, as an error of its field. Other failures stay. */
export function passwordError<V>(error: unknown, field: keyof V, wrong: string): unknown {
  const { status, retryAfterS = 1 } = error instanceof RequestError ? error : { status: undefined };
  if (status !== 403 && status !== 429) {
    return error;
  }
  return new FieldError<V>(field, status === 403 ? wrong : words.peek().tooManyTries(retryAfterS));
}
