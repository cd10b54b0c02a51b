import {countedRun} from './counted-run.ts';

export default countedRun(['test/soak/**/*.ts', '!test/soak/support/**'], '10m');
