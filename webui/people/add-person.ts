import { fetchJson, RequestError } from '../api-client/request.ts';
import { FieldError } from '../forms/form.ts';
import { peopleWords } from '../words/settings/people.ts';
import type { AccessLevel, CameraSelection } from './people.ts';

export interface Person {
  readonly name: string;
  readonly password: string;
  readonly cameras: CameraSelection;
  readonly sees: AccessLevel;
  readonly talk: boolean;
  readonly turn: boolean;
  readonly switch: boolean;
}

/** The box's code for this failure alone. */
const NAME_IS_TAKEN = 409;

/** Adds a person. A retry after a lost response updates the person instead. */
export class AddPerson {
  /** Names before the first attempt. */
  readonly #before: ReadonlySet<string>;
  /** Names whose response was lost. */
  #unanswered: string | undefined;

  constructor(before: readonly string[]) {
    this.#before = new Set(before.map(folded));
  }

  /** @throws FieldError if the name is taken */
  async add(person: Person): Promise<void> {
    const name = person.name.trim();
    try {
      await post({ ...person, name });
    } catch (error) {
      const status = error instanceof RequestError ? error.status : undefined;
      if (status === 0) {
        this.#unanswered = name;
      }
      if (status !== NAME_IS_TAKEN) {
        throw error;
      }
      if (name !== this.#unanswered || this.#before.has(folded(name))) {
        throw new FieldError<Person>('name', peopleWords.peek().personNameTaken);
      }
      await changePerson(name, person);
    }
  }
}

const post = ({ sees, ...person }: Person): Promise<unknown> =>
  fetchJson('v3/users', { method: 'POST', body: { ...person, recordings: sees === 'both' } });

export const changePerson = (
  name: string,
  { password, cameras, sees, talk, turn, switch: switches }: Partial<Person>,
): Promise<unknown> =>
  fetchJson(`v3/users/${encodeURIComponent(name)}`, {
    method: 'PATCH',
    body: {
      ...(password ? { password } : {}),
      ...(cameras ? { cameras } : {}),
      ...(sees ? { live: true, recordings: sees === 'both' } : {}),
      ...(talk === undefined ? {} : { talk }),
      ...(turn === undefined ? {} : { turn }),
      ...(switches === undefined ? {} : { switch: switches }),
    },
  });

/** As the box compares names. */
const folded = (name: string): string => name.normalize('NFKC').toLowerCase();
