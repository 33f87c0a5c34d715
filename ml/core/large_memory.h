// Large matrices touched for the first time: a page fault for every 4 KiB costs more than most
// loops over them (12 us each on a virtual machine; 160 MB took 461 ms, with huge pages 17).
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

// Asks for huge pages where there are more than 4 MiB. Before the numbers are first written.
void prefer_huge_pages(const double* begin, Index numbers);

// A matrix of such memory; its numbers are whatever they were.
Matrix large_matrix(Index rows, Index cols);

}  // namespace lathe
