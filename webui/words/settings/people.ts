import { people } from '../en/settings/people.ts';
import { wordsOf } from '../words.ts';

export const peopleWords = wordsOf('people', people);
