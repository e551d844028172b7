import { runScript } from './script.ts';

runScript('HLS port');
