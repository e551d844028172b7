import { makeHashesCheap } from './cheap-hashes.ts';

makeHashesCheap();
