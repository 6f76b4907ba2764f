import { directoryRepository } from '../../../lib/adapters/directory/repository.ts';
import { repositoryContract } from '../../contracts/repository.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

repositoryContract('a directory', async () => directoryRepository(await temporaryDirectory()));
