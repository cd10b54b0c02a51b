import {countedRun} from './counted-run.ts';

// Tests that do themselves what tsbuild does without root only in a user namespace: they mount disks and open stores. Those in prune.ts trace it, and what is traced cannot map IDs.
const names = ['full-disk', 'power-loss', 'prune', 'prune-while-building'];
const config = {...countedRun(names.map(name => `test/e2e/${name}.ts`), '5m'), cache: false};
export default config;
