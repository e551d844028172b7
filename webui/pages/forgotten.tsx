import { startWords } from '../words/start.ts';

/** After a wrong password: how its owner comes to a new one. */
export const Forgotten = () => <p class="dim small">{startWords.value.forgotten}</p>;
