import { runScript } from './script.ts';

runScript('main port');
