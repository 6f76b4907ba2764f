import { MemoryRepository } from '../support/memory-repository.ts';
import { repositoryContract } from '../contracts/repository.ts';

repositoryContract('the memory of a test', async () => new MemoryRepository());
