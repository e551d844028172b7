import { peopleWords } from '../../words/people.ts';
import { You } from './you.tsx';

/** Who may see what; and what each sets for himself. */
export function PeoplePage() {
  return (
    <>
      <h2 class="title wide-only">{peopleWords.value.people}</h2>
      <You />
    </>
  );
}
